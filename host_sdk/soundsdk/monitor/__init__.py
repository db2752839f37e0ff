"""`soundsdk monitor`: what boards say, as tables, lines, files, a web page and MQTT messages."""
