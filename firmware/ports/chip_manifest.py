"""The modules frozen into images of chips: the port's own (_boot.py mounts the file system), manifest.py's, main.py."""

freeze("$(PORT_DIR)/modules")
include("../manifest.py")
module("main.py", base_path="start")
