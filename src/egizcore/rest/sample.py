"""Examples for the API's description: one oven, seen through every operation."""

from typing import Any, Final, TypeAlias

Sample: TypeAlias = dict[str, Any]

THING_ID: Final = "factory:oven-001"
ETAG: Final = '"rev:k3v9q2-1234"'
_AT: Final = "2026-01-27T10:30:00.123Z"

NEW_THING: Final[Sample] = {
    "id": THING_ID,
    "type": "oven",
    "metadata": {"name": "Main Oven #1", "location": "line-a"},
    "features": {"thermal": {"desiredState": {"setpoint": 195.0}}},
    "relationships": [{"type": "partOf", "targetId": "factory:line-a"}],
}
THING: Final[Sample] = {
    "id": THING_ID,
    "type": "oven",
    "metadata": {"name": "Main Oven #1", "location": "line-a"},
    "features": {
        "thermal": {
            "properties": {"setpoint": 190.0, "temperature_zones": [185.0, 190.0]},
            "desiredState": {"setpoint": 195.0},
            "lastUpdated": _AT,
        }
    },
    "relationships": [{"type": "partOf", "targetId": "factory:line-a"}],
    "version": 1234,
    "createdAt": "2026-01-20T08:00:00.000Z",
    "lastUpdated": _AT,
}
THING_PATCH: Final[Sample] = {"metadata": {"location": "line-b", "note": None}}
FEATURE: Final[Sample] = {"id": "thermal", **THING["features"]["thermal"]}
FEATURES: Final[Sample] = {"items": [FEATURE]}
FEATURE_PATCH: Final[Sample] = {
    "properties": {"setpoint": 191.5},
    "desiredState": {"setpoint": 195.0},
}
LINKS: Final[Sample] = {
    "items": [{"type": "partOf", "sourceId": THING_ID, "targetId": "factory:line-a"}]
}
PAGE: Final[Sample] = {"items": [THING], "nextCursor": None, "total": 1}
QUERY: Final[Sample] = {
    "filter": {"type": "oven", "features.thermal.properties.setpoint": {"$gt": 180}},
    "sort": ["-metadata.name"],
    "limit": 50,
    "fields": ["type", "metadata.name"],
    "count": True,
}
QUERY_PAGE: Final[Sample] = {
    "items": [{"id": THING_ID, "type": "oven", "metadata": {"name": "Main Oven #1"}}],
    "nextCursor": None,
    "total": 1,
}
BULK: Final[list[Sample]] = [NEW_THING, {"id": "factory:mixer-001", "type": "mixer"}]
BULK_RESULT: Final[Sample] = {
    "items": [
        {"id": THING_ID, "status": 200, "version": 1235},
        {
            "id": "factory:mixer-001",
            "status": 400,
            "code": "validation_failed",
            "message": "/type: is required",
        },
    ]
}
HISTORY: Final[Sample] = {
    "thingId": THING_ID,
    "from": "2026-01-27T10:00:00.000Z",
    "to": "2026-01-27T11:00:00.000Z",
    "items": [
        {
            "timestamp": "2026-01-27T10:29:59.120Z",
            "feature": "status",
            "properties": {"state": "baking", "door": {"open": False}},
        },
        {
            "timestamp": _AT,
            "feature": "thermal",
            "properties": {"setpoint": 190.0, "temperature_zones": [185.0, 190.0]},
        },
    ],
    "nextCursor": None,
}
HISTORY_NDJSON: Final = """\
{"timestamp":"2026-01-27T10:29:59.120Z","feature":"status","properties":\
{"state":"baking","door":{"open":false}}}
{"timestamp":"2026-01-27T10:30:00.123Z","feature":"thermal","properties":\
{"setpoint":190.0,"temperature_zones":[185.0,190.0]}}
"""
HISTORY_LONG: Final = """\
timestamp,thing_id,feature,property,value
2026-01-27T10:29:59.120Z,factory:oven-001,status,state,baking
2026-01-27T10:29:59.120Z,factory:oven-001,status,door.open,false
2026-01-27T10:30:00.123Z,factory:oven-001,thermal,setpoint,190.0
2026-01-27T10:30:00.123Z,factory:oven-001,thermal,temperature_zones[0],185.0
2026-01-27T10:30:00.123Z,factory:oven-001,thermal,temperature_zones[1],190.0
"""
HISTORY_WIDE: Final = """\
timestamp,thing_id,feature,door.open,setpoint,state,temperature_zones[0],temperature_zones[1]
2026-01-27T10:29:59.120Z,factory:oven-001,status,false,,baking,,
2026-01-27T10:30:00.123Z,factory:oven-001,thermal,,190.0,,185.0,190.0
"""
MESSAGE: Final[Sample] = {
    "topic": "sensors/oven-001/telemetry",
    "payload": {"thermal": {"setpoint": 190.5}},
}
VERDICT: Final[Sample] = {
    "accepted": True,
    "route": "sensors/{device}/telemetry",
    "device": "oven-001",
    "thingId": THING_ID,
    "created": False,
    "changes": [{"feature": "thermal", "properties": {"setpoint": 190.5}}],
}
REJECTED: Final[Sample] = {
    "items": [
        {
            "time": _AT,
            "source": "mqtt",
            "topic": "sensors/oven-001/telemetry",
            "reason": "bad_json",
            "message": "JSON is malformed: expected ',' or '}' (byte 12).",
            "payload": '{"thermal": ',
            "truncated": False,
        }
    ]
}
UNKNOWN: Final[Sample] = {
    "items": [
        {
            "device": "esp32-a1b2",
            "count": 17,
            "firstSeen": "2026-01-27T10:00:00.000Z",
            "lastSeen": _AT,
            "topic": "sensors/esp32-a1b2/telemetry",
        }
    ]
}
HEALTH: Final[Sample] = {
    "status": "ok",
    "version": "0.1.0",
    "uptimeSeconds": 86400.5,
    "things": 40,
    "components": {
        "mqtt": {"status": "ok"},
        "endpoint": {"status": "disabled"},
        "history": {"status": "disabled"},
    },
}
METRICS: Final = """\
# HELP egizcore_things Things that exist.
# TYPE egizcore_things gauge
egizcore_things 40.0
"""
