"""What the field's devices put on the wire, written down by hand from their sources.

A recording is a list of steps: what the device writes, and the bytes that must answer.
"""

from typing import Final, NamedTuple


class Step(NamedTuple):
    """One write of the device, and our answer to it."""

    sent: bytes
    answer: bytes = b""


class Recording(NamedTuple):
    """One connection, and what it delivers; *goodbye* is False where the power just fails."""

    steps: tuple[Step, ...]
    delivered: tuple[tuple[str, bytes], ...]
    goodbye: bool = True


def framed(first: int, *parts: bytes) -> bytes:
    """A packet of less than 128 bytes, or of less than 16,384, as short as can be."""
    body = b"".join(parts)
    size = len(body)
    length = bytes((size,)) if size < 128 else bytes((size & 127 | 128, size >> 7))
    return bytes((first,)) + length + body


def text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


MQTT_4: Final = b"\x00\x04MQTT\x04"
ACCEPTED: Final = b"\x20\x02\x00\x00"
PING: Final = Step(b"\xc0\x00", b"\xd0\x00")
GOODBYE: Final = Step(b"\xe0\x00")

# Nick O'Leary's PubSubClient 2.8: keep-alive 15 s, clean session, QoS 0 only, a buffer of 256
# bytes; `beginPublish` writes the header and each piece of the payload by itself. Its first
# identifier is 2. A filter that it may not have does not trouble it.
_READING = b'{"thermal":{"temperature":' + b"2" * 160 + b"}}"
PUBSUBCLIENT: Final = Recording(
    (
        Step(framed(0x10, MQTT_4, b"\x02\x00\x0f", text(b"ESP8266Client-3fa2")), ACCEPTED),
        Step(framed(0x82, b"\x00\x02", text(b"inTopic"), b"\x00"), b"\x90\x03\x00\x02\x80"),
        Step(
            framed(0x82, b"\x00\x03", text(b"devices/ESP8266Client-3fa2/desired"), b"\x01"),
            b"\x90\x03\x00\x03\x01",
        ),
        Step(framed(0x30, text(b"sensors/a/telemetry"), b"hello world")),
        Step(framed(0x30, text(b"sensors/a/telemetry"), _READING)[:24]),
        Step(framed(0x30, text(b"sensors/a/telemetry"), _READING)[24:]),
        Step(framed(0x31, text(b"status/a"), b"online")),
        PING,
        GOODBYE,
    ),
    (
        ("sensors/a/telemetry", b"hello world"),
        ("sensors/a/telemetry", _READING),
        ("status/a", b"online"),
    ),
)

# The same library, whose sketch gives neither id nor anything else.
PUBSUBCLIENT_NAMELESS: Final = Recording(
    (
        Step(framed(0x10, MQTT_4, b"\x02\x00\x0f", text(b"")), ACCEPTED),
        Step(framed(0x30, text(b"t"), b"1")),
    ),
    (("t", b"1"),),
    goodbye=False,
)

# ESP-IDF's esp-mqtt: keep-alive 120 s, id from the chip's address, QoS 1 and 2 from a random
# identifier; what is not confirmed within a second is repeated with DUP on the same connection.
ESP_MQTT: Final = Recording(
    (
        Step(
            framed(
                0x10, MQTT_4, b"\xc6\x00\x78", text(b"ESP32_a1B2C3"), text(b"status/esp"),
                text(b"lost"), text(b"plant"), text(b"secret"),
            ),
            ACCEPTED,
        ),
        Step(framed(0x32, text(b"sensors/e"), b"\x5c\x01", b"1"), b"\x40\x02\x5c\x01"),
        Step(framed(0x3A, text(b"sensors/e"), b"\x5c\x01", b"1"), b"\x40\x02\x5c\x01"),
        Step(framed(0x34, text(b"sensors/e"), b"\x5c\x02", b"2"), b"\x50\x02\x5c\x02"),
        Step(framed(0x3C, text(b"sensors/e"), b"\x5c\x02", b"2"), b"\x50\x02\x5c\x02"),
        Step(b"\x62\x02\x5c\x02", b"\x70\x02\x5c\x02"),
        Step(b"\x62\x02\x5c\x02", b"\x70\x02\x5c\x02"),
        PING,
    ),
    (("sensors/e", b"1"), ("sensors/e", b"1"), ("sensors/e", b"2"), ("status/esp", b"lost")),
    goodbye=False,
)  # fmt: skip

# esp-mqtt in MQTT 5: its buffer of 1,024 bytes as Maximum Packet Size, Request Problem
# Information, a user property; it publishes with a topic alias and a payload format.
_CONNACK_5 = framed(
    0x20, b"\x00\x00\x0b", b"\x21\x04\x00", b"\x22\x00\x10", b"\x27\x00\x10\x00\x00"
)
ESP_MQTT_5: Final = Recording(
    (
        Step(
            framed(
                0x10, b"\x00\x04MQTT\x05\x02\x00\x78",
                b"\x18", b"\x11\x00\x00\x00\x0a", b"\x27\x00\x00\x04\x00", b"\x17\x01",
                b"\x26\x00\x05board\x00\x02s3", text(b"ESP32_a1B2C3"),
            ),
            _CONNACK_5,
        ),
        Step(
            framed(0x32, text(b"sensors/e"), b"\x00\x07", b"\x05\x01\x01\x23\x00\x02", b"1"),
            b"\x40\x02\x00\x07",
        ),
        Step(framed(0x32, text(b""), b"\x00\x08", b"\x03\x23\x00\x02", b"2"), b"\x40\x02\x00\x08"),
        PING,
        Step(b"\xe0\x02\x00\x00"),
    ),
    (("sensors/e", b"1"), ("sensors/e", b"2")),
)  # fmt: skip

# Tasmota 14: keep-alive 30 s, one user for all, a retained will of QoS 1 whose topic it fills
# with "Online" after the greeting, and three filters that are not its command topic.
_LWT = b"tele/tasmota_3FA2B1/LWT"
TASMOTA: Final = Recording(
    (
        Step(
            framed(
                0x10, MQTT_4, b"\xee\x00\x1e", text(b"DVES_3FA2B1"), text(_LWT), text(b"Offline"),
                text(b"DVES_USER"), text(b"DVES_PASS"),
            ),
            ACCEPTED,
        ),
        Step(framed(0x31, text(_LWT), b"Online")),
        Step(framed(0x30, text(b"cmnd/tasmota_3FA2B1/POWER"))),
        Step(
            framed(0x82, b"\x00\x02", text(b"cmnd/tasmota_3FA2B1/#"), b"\x00")
            + framed(0x82, b"\x00\x03", text(b"cmnd/tasmotas/#"), b"\x00")
            + framed(0x82, b"\x00\x04", text(b"cmnd/DVES_3FA2B1_fb/#"), b"\x00"),
            b"\x90\x03\x00\x02\x80\x90\x03\x00\x03\x80\x90\x03\x00\x04\x80",
        ),
        Step(framed(0x30, text(b"tele/tasmota_3FA2B1/SENSOR"), b'{"AM2301":{"Temperature":21}}')),
        PING,
    ),
    (
        (_LWT.decode(), b"Online"),
        ("cmnd/tasmota_3FA2B1/POWER", b""),
        ("tele/tasmota_3FA2B1/SENSOR", b'{"AM2301":{"Temperature":21}}'),
        (_LWT.decode(), b"Offline"),
    ),
    goodbye=False,
)  # fmt: skip

# Eclipse Paho's MQTTPacket for C (embedded): keep-alive 60 s, identifiers from 1, QoS 0 to 2,
# one at a time; its sample connects without keep-alive, publishes and leaves in one write.
PAHO_EMBEDDED: Final = Recording(
    (
        Step(framed(0x10, MQTT_4, b"\x02\x00\x3c", text(b"mbed-sample")), ACCEPTED),
        Step(
            framed(0x82, b"\x00\x01", text(b"devices/mbed-sample/desired"), b"\x02"),
            b"\x90\x03\x00\x01\x01",
        ),
        Step(framed(0x30, text(b"mbed-sample"), b"Hello World!  QoS 0 message")),
        Step(
            framed(0x32, text(b"mbed-sample"), b"\x00\x02", b"Hello World!  QoS 1 message"),
            b"\x40\x02\x00\x02",
        ),
        Step(
            framed(0x34, text(b"mbed-sample"), b"\x00\x03", b"Hello World!  QoS 2 message"),
            b"\x50\x02\x00\x03",
        ),
        Step(b"\x62\x02\x00\x03", b"\x70\x02\x00\x03"),
        Step(framed(0xA2, b"\x00\x04", text(b"devices/mbed-sample/desired")), b"\xb0\x02\x00\x04"),
        GOODBYE,
    ),
    tuple(("mbed-sample", b"Hello World!  QoS %d message" % qos) for qos in range(3)),
)
PAHO_EMBEDDED_QUICK: Final = Recording(
    (
        Step(
            framed(0x10, MQTT_4, b"\x02\x00\x00", text(b"me"))
            + framed(0x30, text(b"mytopic"), b"mypayload")
            + b"\xe0\x00",
            ACCEPTED,
        ),
    ),
    (("mytopic", b"mypayload"),),
)

RECORDINGS: Final = {
    "PubSubClient": PUBSUBCLIENT,
    "PubSubClient without an id": PUBSUBCLIENT_NAMELESS,
    "esp-mqtt": ESP_MQTT,
    "esp-mqtt in MQTT 5": ESP_MQTT_5,
    "Tasmota": TASMOTA,
    "paho-embedded": PAHO_EMBEDDED,
    "paho-embedded in one write": PAHO_EMBEDDED_QUICK,
}
