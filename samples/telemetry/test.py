#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# usage: samples/telemetry/test.py
#
# Does a process read what libsodium has encrypted, byte for byte, woken once for each record, and
# nothing that is forged?  The sample is build/samples/telemetry/telemetry.

import ctypes
import errno
import hashlib
import random
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.path[0] + '/..')
import tap
from tap import TOP, report

try:
    sodium = ctypes.CDLL('libsodium.so.23')
except OSError:
    tap.skip('no libsodium23')

TELEMETRY = TOP + '/build/samples/telemetry/telemetry'
KEY = bytes(range(32))
# An ordinary receiver: each line of its output is what one recv() has returned.
RECEIVER = """
import hashlib, socket, sys
family = socket.AF_INET6 if sys.argv[1] == '6' else socket.AF_INET
with socket.socket(family) as listener:
    listener.bind(('', 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    sock = listener.accept()[0]
print('accepted', flush=True)
sys.stdin.readline()
data = b' '
while data:
    try:
        data = sock.recv(2 << 20)
    except OSError as error:
        print('error', error.errno, flush=True)
        break
    print(len(data), hashlib.sha256(data).hexdigest(), flush=True)
"""


def seal(number, text):
    head = struct.pack('>I', len(text) + 16) + struct.pack('<Q', number)
    out = ctypes.create_string_buffer(len(text) + 16)
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
        out, None, text, ctypes.c_ulonglong(len(text)), head,
        ctypes.c_ulonglong(len(head)), None, bytes(4) + head[4:], KEY)
    return head + out.raw


def forge(record, at):
    return record[:at] + bytes([record[at] ^ 1]) + record[at + 1:]


class Receiver:
    """A receiver, linked, and a connection to it"""

    def __init__(self, family, *options):
        self.proc = subprocess.Popen([sys.executable, '-c', RECEIVER, family],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = int(self.proc.stdout.readline())
        self.sock = socket.create_connection(('::1' if family == '6' else '127.0.0.1', port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.proc.stdout.readline()
        self.sample = subprocess.Popen([TELEMETRY, str(self.proc.pid), str(port), *options],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sample.stdin.write(KEY.hex() + '\n')
        self.sample.stdin.flush()
        self.linked = self.sample.stdout.readline() == '1 linked\n'
        self.proc.stdin.write('\n')
        self.proc.stdin.flush()

    def send(self, data, segment=1 << 20):
        for at in range(0, len(data), segment):
            self.sock.sendall(data[at:at + segment])

    def gets(self, text):
        """Does one recv() return exactly this?"""
        return self.proc.stdout.readline().split() == \
            [str(len(text)), hashlib.sha256(text).hexdigest()]

    def ends(self):
        """How it ends, and what the sample has counted"""
        self.sock.close()
        last = self.proc.stdout.readline().split()
        self.proc.wait()
        counts = self.sample.communicate()[0].replace(',', '').split()
        return last, [int(word) for word in counts if word.isdigit()]


END = ['0', hashlib.sha256(b'').hexdigest()]


def test_records(family):
    rx = Receiver(family)
    good = rx.linked
    number = 0
    for size in (0, 1, 100, 1400, 16384, 65536, 65536, 300000):
        text = random.randbytes(size)
        rx.send(seal(number, text), 1448)
        number += 1
        # A record without text is nothing that could be read.
        good &= not size or rx.gets(text)
    report(good, 'IPv%s: each record is one recv(), byte for byte' % family)
    text = random.randbytes(200)
    rx.send(seal(number, text), 1)
    report(rx.gets(text), 'in segments of one byte, too')
    records = [random.randbytes(random.randrange(1, 600)) for i in range(20)]
    rx.send(b''.join(seal(number + 1 + i, text) for i, text in enumerate(records)))
    whole, got = b''.join(records), b''
    sizes = 0
    while sizes < len(whole):
        sizes += int(rx.proc.stdout.readline().split()[0])
    report(sizes == len(whole), 'records that arrive together')
    rx.send(seal(number + 30, text)[:-1])
    end, counts = rx.ends()
    report(end == END and counts == [number + 21, 0, 0], 'one that is truncated is not read')


def test_forged():
    rx = Receiver('4')
    good = True
    text = [random.randbytes(50) for i in range(3)]
    for i in range(4, 12 + 50 + 16, 7):
        rx.send(forge(seal(i, text[0]), i))
    large = random.randbytes(200000)
    rx.send(forge(seal(100, large), 150000))
    rx.send(seal(101, text[1]))
    good &= rx.gets(text[1])
    rx.send(seal(101, text[1]))
    rx.send(seal(102, text[2]))
    good &= rx.gets(text[2])
    end, counts = rx.ends()
    report(good and end == END and counts == [2, 12, 1], 'forged and replayed records are cut out')


def test_forged_end():
    rx = Receiver('4', 'end')
    text = random.randbytes(70000)
    rx.send(seal(1, text))
    good = rx.gets(text)
    rx.send(forge(seal(2, text), 30000) + seal(3, text))
    end, counts = rx.ends()
    report(good and end == ['error', str(errno.EBADMSG)] and counts == [1, 1, 0],
           'or end the connection')


tap.plan(10)
test_records('4')
test_records('6')
test_forged()
test_forged_end()
tap.end()
