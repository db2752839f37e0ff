"""Draw on a PNG or an SVG with the same calls, and prepare what pictures of sound show."""
