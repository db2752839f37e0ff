"""Events to an MQTT broker: its address, the topics, the connection."""
