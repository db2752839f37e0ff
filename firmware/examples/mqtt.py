"""Each event as a message to an MQTT broker, on ports with a network.

It needs a library on the board: mpremote mip install umqtt.simple

Publishing takes a few milliseconds on a quiet network; what the microphone cannot keep meanwhile is counted as lost.
"""

import json
import time

import network
from umqtt.simple import MQTTClient

from soundfw import Detector

WIFI, PASSWORD = "my network", "my password"
BROKER = "192.168.1.10"
TOPIC = b"soundsdk/kitchen/event"

station = network.WLAN(network.STA_IF)
station.active(True)
station.connect(WIFI, PASSWORD)
while not station.isconnected():
    time.sleep(0.1)

broker = MQTTClient("soundsdk-kitchen", BROKER)
broker.connect()
for event in Detector():
    message = {"label": event.label, "edge": event.edge, "time_s": event.time_s, "score": event.score}
    try:
        broker.publish(TOPIC, json.dumps(message).encode())
    except OSError:
        # The next event tries again with a new connection.
        broker.connect()
