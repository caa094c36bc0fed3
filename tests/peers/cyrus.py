"""Sets up and runs a Cyrus IMAP server for CalDAV in a folder of its own, until standard input ends.

    python3 cyrus.py run FOLDER NAME:PASSWORD…
    python3 cyrus.py share FOLDER NAME:PASSWORD CALENDAR WITH RIGHTS

The second lets somebody else into a calendar of a server that runs in the folder; rights are those of Cyrus (`l9`: they
see that it is there, and when its owner is busy). The first says on one line at which port of 127.0.0.1 it answers, or why it does not run. Root gives the folder to the user
`cyrus` of the Debian package and runs the server as that; anybody else must be that user.

Every user NAME is nobody outside: their address is NAME@example.com. Cyrus listens on sockets in the folder only, since
its master cannot be told to take any free port; what comes in at our port is passed on to it, byte by byte. A person's
mailbox is made when they first read their mail and their calendars when they first look at them, and before that nobody
can invite them; so each user does both once.
"""

import base64
import ctypes
import http.client
import imaplib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

PROGRAMS = pathlib.Path("/usr/lib/cyrus/bin")
MASTER = pathlib.Path("/usr/sbin/cyrmaster")
PATIENCE = 30

IMAPD = """\
configdirectory: {folder}/conf
partition-default: {folder}/data
defaultpartition: default
admins: cyrus
servername: localhost
virtdomains: off
unixhierarchysep: yes
sasl_pwcheck_method: auxprop
sasl_sasldb_path: {folder}/users
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
autocreate_quota: 0
calendar_user_address_set: example.com
caldav_historical_age: -1
httpmodules: admin caldav freebusy
httpallowcompress: no
"""

# The master hands its own configuration to nobody, so each program is told.
CYRUS = """\
START {{
    recover cmd="ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
    http cmd="httpd -C {folder}/imapd.conf" listen="{folder}/http" prefork=0
    imap cmd="imapd -C {folder}/imapd.conf" listen="{folder}/imap" prefork=0
}}
"""


class Imap(imaplib.IMAP4):
    """IMAP over a socket in the file system."""

    def open(self, host="", port=0, timeout=None):
        self.sock = connect(host)
        self.file = self.sock.makefile("rb")


class Http(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def connect(self):
        self.sock = connect(self.host)


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def set_up(folder, users, as_cyrus):
    for name in ("db", "socket", "log", "msg", "proc", "user", "quota"):
        (folder / "conf" / name).mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "imapd.conf").write_text(IMAPD.format(folder=folder))
    (folder / "cyrus.conf").write_text(CYRUS.format(folder=folder))
    if os.getuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, as_cyrus["user"], as_cyrus["group"])
    for name, password in users:
        command = ["saslpasswd2", "-p", "-c", "-f", folder / "users", "-u", "localhost", name]
        subprocess.run(command, input=password.encode(), check=True, stderr=subprocess.PIPE, **as_cyrus)


def start(folder, as_cyrus):
    def end_with_us():
        # If we are killed, nobody else would end it.
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)

    log = open(folder / "master.log", "wb")
    command = [MASTER, "-D", "-C", folder / "imapd.conf", "-M", folder / "cyrus.conf", "-p", folder / "pid"]
    files = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
    # When it ends, it ends its whole process group, in which the tests and other servers must not be.
    apart = {"start_new_session": True, "preexec_fn": end_with_us}
    return subprocess.Popen(command, cwd=folder, **files, **apart, **as_cyrus)


def wait_for(master, path):
    """Until it listens. Its master says nothing when it does."""
    for _ in range(PATIENCE * 50):
        if master.poll() is not None:
            raise RuntimeError(f"cyrmaster ended with code {master.returncode}")
        try:
            return connect(path).close()
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens at {path}")


def sign_in(folder, name, password):
    mail = Imap(str(folder / "imap"))
    mail.login(name, password)
    mail.logout()
    dav = Http(str(folder / "http"))
    credential = base64.b64encode(f"{name}:{password}".encode()).decode()
    headers = {"Host": "localhost", "Authorization": f"Basic {credential}", "Depth": "0", "Content-Type": "text/xml"}
    body = '<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/></d:prop></d:propfind>'
    dav.request("PROPFIND", f"/dav/calendars/user/{name}/Default/", body, headers)
    answer = dav.getresponse()
    if answer.status != 207:
        raise RuntimeError(f"{name} has no calendar: {answer.status} {answer.reason}")
    dav.close()


def pass_on(source, target):
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side is gone: the other will not be missed.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(listener, path):
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = connect(path)
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=pass_on, args=(source, target), daemon=True).start()


def share(folder, owner, calendar, guest, rights):
    mail = Imap(str(folder / "imap"))
    mail.login(*owner.split(":", 1))
    mail.setacl(f"#calendars/{calendar}", guest, rights)
    mail.logout()
    print("true")


def run(folder, *users):
    users = [user.split(":", 1) for user in users]
    try:
        cyrus = pwd.getpwnam("cyrus")
    except KeyError:
        raise RuntimeError("there is no user `cyrus`") from None
    if not MASTER.exists() or not (PROGRAMS / "httpd").exists():
        raise RuntimeError(f"there is no {MASTER}, or no {PROGRAMS}/httpd")
    if os.getuid() not in (0, cyrus.pw_uid):
        raise RuntimeError("Cyrus runs as its own user, so only root and `cyrus` can start it")
    as_cyrus = {"user": cyrus.pw_uid, "group": cyrus.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    set_up(folder, users, as_cyrus)
    master = start(folder, as_cyrus)
    try:
        for name in ("http", "imap"):
            wait_for(master, str(folder / name))
        for name, password in users:
            sign_in(folder, name, password)
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(listener, str(folder / "http")), daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.buffer.read()
    finally:
        master.terminate()
        master.wait()
        shutil.rmtree(folder, ignore_errors=True)


# Whoever interrupts the tests ends them, and by that our standard input; we are still needed then.
for interruption in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(interruption, signal.SIG_IGN)
verb, where, *rest = sys.argv[1:]
try:
    {"run": run, "share": share}[verb](pathlib.Path(where), *rest)
except (RuntimeError, OSError, subprocess.CalledProcessError, imaplib.IMAP4.error) as error:
    said = getattr(error, "stderr", None) or b""
    print(f"{error} {said.decode(errors='replace')}".strip(), flush=True)
    sys.exit(1)
