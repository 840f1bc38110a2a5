"""Answers every SendMessageBatch at once that all of it was accepted: as little work as Python can do for a request.

    python benchmarks/answering_server.py COUNTER

COUNTER is a file of 8 bytes, in which it keeps how many messages it has answered for. It prints its port, and ends when
its standard input does. One thread; it reads a request by its Content-Length and understands nothing else of it.
"""

import mmap
import select
import socket
import struct
import sys

BATCH_SIZE_MAX = 10
BLOCK_BYTES = 1 << 20


def answer(entries: int) -> bytes:
    """A whole response, of the size that SQS gives it."""
    accepted = b",".join(
        b'{"Id":"%d","MessageId":"5f0b1c2e-7d0a-4a53-9f51-0d0b1a2f3c4d",'
        b'"MD5OfMessageBody":"0123456789abcdef0123456789abcdef",'
        b'"MD5OfMessageAttributes":"0123456789abcdef0123456789abcdef"}' % place
        for place in range(entries)
    )
    body = b'{"Successful":[%s]}' % accepted
    head = (
        b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 5f0b1c2e-7d0a-4a53-9f51-0d0b1a2f3c4d\r\n"
        b"Date: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Type: application/x-amz-json-1.0\r\n"
        b"connection: keep-alive\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    return head + body


ANSWERS = [answer(entries) for entries in range(BATCH_SIZE_MAX + 1)]


def size_of(request: bytes) -> int:
    """Of a request with its head; more than is there, if its head is not there yet."""
    head_end = request.find(b"\r\n\r\n")
    if head_end < 0:
        return len(request) + 1
    length_at = request.index(b"Content-Length: ", 0, head_end) + 16
    return head_end + 4 + int(request[length_at : request.index(b"\r\n", length_at)])


def serve(counter_path: str) -> None:
    """Answer until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    epoll = select.epoll()
    epoll.register(0, select.EPOLLIN | select.EPOLLHUP)
    epoll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    begun: dict[int, bytes] = {}
    with open(counter_path, "r+b") as file:  # noqa: PTH123
        counter = mmap.mmap(file.fileno(), 8)
    print(listener.getsockname()[1], flush=True)
    messages = 0
    while True:
        for number, _ in epoll.poll():
            connection = connections.get(number)
            if connection is None:
                if number == 0:
                    return
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                epoll.register(connection, select.EPOLLIN)
                continue
            try:
                request = connection.recv(BLOCK_BYTES)
            except ConnectionError:
                request = b""
            if not request:
                begun.pop(number, None)
                connections.pop(number).close()
                continue
            request = begun.pop(number, b"") + request
            if len(request) < size_of(request):
                begun[number] = request
                continue
            entries = request.count(b'"MessageBody"')
            messages += entries
            counter[:] = struct.pack("=Q", messages)
            connection.sendall(ANSWERS[entries])


if __name__ == "__main__":
    serve(sys.argv[1])
