"""An HTTP/3 client that does what it is told: one JSON object a line on standard input is a command, one on standard
output is an event. It shares no code with the server under test.

Commands have "do" and "conn", the name of a connection; those about a request its number "id", chosen by the caller:

    connect     port, sni, ca (file), resume (name of an earlier connection whose ticket and token are used, or none),
                requests (a list of request commands: sent before the handshake is complete, as 0-RTT if there is a ticket),
                deaf (true: nothing of what the server sends is heard before the command listen, so that the handshake
                does not get on)
    listen
    request     id, method, path, headers (object), body (text), more (true: the body goes on)
    send        id, body, more
    cancel      id: the client resets the stream and wants no more of it
    update_key  the next packets are protected with new keys
    rebind      the client gets another port, as behind a NAT that has forgotten it
    noise       count datagrams that look like packets of the connection and are none
    close

Events have "conn" and "event":

    connected   resumed, early (whether the server took what was sent as 0-RTT)
    ticket      the server has sent a session ticket
    head        id, status, headers (a list of pairs)
    data        id, text
    end         id
    reset       id, code: the server has reset the stream
    stop        id, code: the server reads no more of the request
    goaway      the server wants no more requests on this connection
    closed      how ("closed", "stateless reset"), code, reason
"""

import asyncio
import json
import os
import ssl
import sys

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import ErrorCode, FrameType, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

HOST = "127.0.0.1"


class HTTP3(H3Connection):
    """aioquic's, which reads GOAWAY frames and does not tell anybody, and believes that the answer to HEAD has a body."""

    def __init__(self, quic, on_goaway):
        self.on_goaway = on_goaway
        self.heads = set()  # streams
        super().__init__(quic)

    def _check_content_length(self, stream):
        if stream.stream_id not in self.heads:
            super()._check_content_length(stream)

    def _check_control_frame_type(self, frame_type):
        super()._check_control_frame_type(frame_type)
        if frame_type == FrameType.GOAWAY:
            self.on_goaway()


class Connection(QuicConnectionProtocol):
    def __init__(self, quic, name, port, deaf):
        super().__init__(quic)
        self.name = name
        self.port = port
        self.http = HTTP3(quic, lambda: self.tell("goaway"))
        self.streams = {}  # number of a request: stream
        self.numbers = {}  # and back
        self.over = False
        self.deaf = deaf
        self.unheard = []

    def tell(self, event, **what):
        print(json.dumps({"conn": self.name, "event": event, **what}), flush=True)

    # What the caller wants.

    def request(self, id, method="GET", path="/", headers={}, body="", more=False):
        stream = self._quic.get_next_available_stream_id()
        self.streams[id], self.numbers[stream] = stream, id
        if method == "HEAD":
            self.http.heads.add(stream)
        authority = "%s:%d" % (self._quic.configuration.server_name, self.port)
        head = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)]
        head += headers.items()
        fields = [(name.encode(), value.encode()) for name, value in head]
        self.http.send_headers(stream, fields, end_stream=not body and not more)
        if body:
            self.http.send_data(stream, body.encode(), end_stream=not more)

    def send(self, id, body="", more=False):
        self.http.send_data(self.streams[id], body.encode(), end_stream=not more)

    def cancel(self, id):
        self._quic.reset_stream(self.streams[id], ErrorCode.H3_REQUEST_CANCELLED)
        self._quic.stop_stream(self.streams[id], ErrorCode.H3_REQUEST_CANCELLED)

    def update_key(self):
        self._quic.request_key_update()

    async def rebind(self):
        old = self._transport
        await new_socket(self)
        old.close()

    def listen(self):
        self.deaf = False
        for data, addr in self.unheard:
            self.datagram_received(data, addr)

    def noise(self, count):
        cid = self._quic._peer_cid.cid
        for _ in range(count):
            self._transport.sendto(bytes([0x40 | os.urandom(1)[0] & 0x3F]) + cid + os.urandom(60), (HOST, self.port))

    # What the server does.

    def datagram_received(self, data, addr):
        if self.deaf:
            self.unheard.append((data, addr))
            return
        # RFC 9000 section 10.3.1; aioquic does not look for it.
        if self._is_reset(data) and not self.over:
            self.over = True
            self.tell("closed", how="stateless reset")
        if not self.over:
            super().datagram_received(data, addr)

    def _is_reset(self, data):
        known = [self._quic._peer_cid, *self._quic._peer_cid_available]
        return data[-16:] in [cid.stateless_reset_token for cid in known if cid.stateless_reset_token]

    def transmit(self):
        if not self.over:
            super().transmit()

    def quic_event_received(self, event):
        if isinstance(event, events.HandshakeCompleted):
            self.tell("connected", resumed=event.session_resumed, early=event.early_data_accepted)
        elif isinstance(event, events.StreamReset) and event.stream_id in self.numbers:
            self.tell("reset", id=self.numbers[event.stream_id], code=event.error_code)
        elif isinstance(event, events.StopSendingReceived) and event.stream_id in self.numbers:
            self.tell("stop", id=self.numbers[event.stream_id], code=event.error_code)
        elif isinstance(event, events.ConnectionTerminated):
            self.over = True
            self.tell("closed", how="closed", code=event.error_code, reason=event.reason_phrase)
        for happened in self.http.handle_event(event):
            self.http_event_received(happened)

    def http_event_received(self, event):
        id = self.numbers[event.stream_id]
        if isinstance(event, HeadersReceived):
            fields = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
            self.tell("head", id=id, status=int(dict(fields)[":status"]), headers=fields)
        elif isinstance(event, DataReceived):
            self.tell("data", id=id, text=event.data.decode("latin-1"))
        if event.stream_ended:
            self.tell("end", id=id)


async def new_socket(connection):
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: connection, local_addr=(HOST, 0))


class Client:
    def __init__(self):
        self.connections = {}
        self.tickets = {}
        self.tokens = {}

    async def connect(self, conn, port, sni, ca, resume=None, requests=(), deaf=False):
        configuration = QuicConfiguration(alpn_protocols=["h3"], server_name=sni, verify_mode=ssl.CERT_REQUIRED, idle_timeout=30)
        configuration.load_verify_locations(ca)
        configuration.session_ticket = self.tickets.get(resume)
        configuration.token = self.tokens.get(resume, b"")

        def keep_ticket(ticket):
            self.tickets[conn] = ticket
            connection.tell("ticket")

        quic = QuicConnection(
            configuration=configuration,
            session_ticket_handler=keep_ticket,
            token_handler=lambda token: self.tokens.update({conn: token}),
        )
        connection = self.connections[conn] = Connection(quic, conn, port, deaf)
        await new_socket(connection)
        connection.connect((HOST, port), transmit=False)
        for request in requests:
            connection.request(**request)

    async def do(self, do, conn, **details):
        if do == "connect":
            await self.connect(conn, **details)
        else:
            outcome = getattr(self.connections[conn], do)(**details)
            if outcome is not None:
                await outcome
        self.connections[conn].transmit()

    async def run(self):
        commands = asyncio.StreamReader(limit=1 << 26)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := await commands.readline():
            await self.do(**json.loads(line))


asyncio.run(Client().run())
