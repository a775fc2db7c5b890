"""The limit of the stack: trio-websocket answering every CALL with a constant payload.

Nothing is parsed, validated or stored. Only the answers that a station needs before it can start
(boot, authorize, start) have a payload at all.
"""

import sys
import time

import trio
import trio_websocket

_NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
_TAG = '"idTagInfo":{"status":"Accepted"}'
_ANSWERS = {
    "BootNotification": f'{{"status":"Accepted","interval":300,"currentTime":"{_NOW}"}}',
    "Heartbeat": f'{{"currentTime":"{_NOW}"}}',
    "Authorize": f"{{{_TAG}}}",
    "StartTransaction": f'{{"transactionId":1,{_TAG}}}',
    "StopTransaction": f"{{{_TAG}}}",
}


async def handle(request: trio_websocket.WebSocketRequest) -> None:
    """Echo to one charge point. Frames are compact: `[2,"id","Action",{...}]`."""
    socket = await request.accept(subprotocol="ocpp1.6")
    try:
        while True:
            message = await socket.get_message()
            assert isinstance(message, str)
            id_end = message.index('"', 4)
            action = message[id_end + 3 : message.index('"', id_end + 3)]
            await socket.send_message(f'[3,{message[3:id_end]}",{_ANSWERS.get(action, "{}")}]')
    except trio_websocket.ConnectionClosed:
        pass


if __name__ == "__main__":
    trio.run(trio_websocket.serve_websocket, handle, "127.0.0.1", int(sys.argv[1]), None)
