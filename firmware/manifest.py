# What is frozen into an image: the application. soundcore comes as a C module.
package("soundfw", base_path=".")  # noqa: F821
