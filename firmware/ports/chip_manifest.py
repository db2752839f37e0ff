# Chips: the port's own modules (_boot.py mounts the file system), then what every image has, and the start.
freeze("$(PORT_DIR)/modules")
include("../manifest.py")
module("main.py", base_path="start")
