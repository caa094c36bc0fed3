"""Runs a server's own module, says where it listens, and ends with the process that started it.

    python serve.py MODULE ARGUMENT…

Two things that the servers cannot do by themselves:

- A free port. Whoever looks for one and then names it on a command line may find it taken a moment later, and
  Radicale refuses port 0. So whatever port the command line names, 0 is bound here, and the port that the system
  chose is the first line of standard output. It is printed once the socket listens: from then on a client can
  connect, and nobody has to try again and again.
- An end. A test process that is killed cannot kill its children any more, but its end of our standard input closes.

Everything else is the server as it was installed.
"""

import os
import runpy
import socket
import sys
import threading


class AnnouncedSocket(socket.socket):
    """A socket that binds a port of the system's choice and tells which when it listens."""

    def bind(self, address):
        super().bind((address[0], 0))

    def listen(self, *backlog):
        super().listen(*backlog)
        print(self.getsockname()[1], flush=True)
        # Whatever the server prints later belongs to its log: nobody reads our standard output from here on.
        os.dup2(2, 1)


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
socket.socket = AnnouncedSocket
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
