"""A WebSocket server, or a client that converses with it, made with the package websockets.

    websocket.py serve             listens on a port of 127.0.0.1, prints it, sends each message back
    websocket.py talk URL CA       converses, prints what came of it, a line each
"""

import asyncio
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        if message == 'close':
            await connection.close(4001, 'as you wish')
        else:
            await connection.send(message)


async def listen():
    async with serve(echo, '127.0.0.1', 0, subprotocols=['chat'], max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


async def talk(url, ca):
    context = ssl.create_default_context(cafile=ca) if url.startswith('wss:') else None
    large = bytes(range(256)) * 4096 * 4
    async with connect(url, ssl=context, subprotocols=['chat'], max_size=None, proxy=None) as connection:
        print('subprotocol', connection.subprotocol)
        await connection.send('Grüße')
        print('text', await connection.recv())
        await connection.send(large)
        print('binary', await connection.recv() == large)
        await (await connection.ping())
        print('pong')
        await asyncio.gather(*(connection.send(str(i)) for i in range(100)))
        print('many', [await connection.recv() for i in range(100)] == [str(i) for i in range(100)])
        await connection.send('close')
        await connection.wait_closed()
        print('closed', connection.close_code, connection.close_reason)


if __name__ == '__main__':
    asyncio.run(listen() if sys.argv[1] == 'serve' else talk(*sys.argv[2:]))
