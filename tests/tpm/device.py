"""Stands in for a TPM's device file: a raw terminal before swtpm's port.

Prints the device's path, then passes whole commands and answers on, until it
is killed.
"""

import os
import pty
import socket
import struct
import sys
import tty


def frame(read):
    head = b""
    while len(head) < 10:
        head += read(10 - len(head))
    length = struct.unpack(">I", head[2:6])[0]
    body = b""
    while len(body) < length - 10:
        body += read(length - 10 - len(body))
    return head + body


chip = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
# The far end stays open here, so that a client may come and go.
near, far = pty.openpty()
tty.setraw(near)
tty.setraw(far)
print(os.ttyname(far), flush=True)
while True:
    chip.sendall(frame(lambda most: os.read(near, most)))
    os.write(near, frame(chip.recv))
