# What every image has frozen in: the application. soundcore comes as a C module.
package("soundfw", base_path="$(SOUNDFW_DIR)")  # noqa: F821
