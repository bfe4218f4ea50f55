#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# usage: samples/srelay/test.py
#
# libsrtp seals RTP and RTCP for the relay, build/samples/srelay/srelay, and opens what each of eight
# receivers gets with the receiver's key.  Except for SSRC and numbers all bytes must be equal, and
# nothing else may reach the receivers.

import socket
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path[:0] = [sys.path[0] + '/..', sys.path[0] + '/../srtp']
from packets import INBOUND, PROFILES, Error, master, rtcp, rtp, session, udp
from tap import TOP, end, plan, report

SRELAY = TOP + '/build/samples/srelay/srelay'
RECEIVERS = 8
SSRC = 1234  # of the stream that is relayed
# Bytes of payload: what media use, and what README.md promises, with header and tag
LONG = 1400, 2500 - 28


def compound(number):
    """A report and a description, as senders of media send them"""
    name = b'media@example.com'
    item = bytes((1, len(name))) + name
    item += bytes(4 - len(item) % 4)
    return rtcp(SSRC, number) + struct.pack('!BBHI', 0x81, 202, 1 + len(item) // 4, SSRC) + item


class Receiver:
    """What it receives is compared with what the sender has sent."""

    def __init__(self, relay, seed):
        self.sock = udp()
        self.address = '127.0.0.1:%d' % self.sock.getsockname()[1]
        self.srtp = session(relay.name, seed, INBOUND)
        self.ssrc = self.added = None
        self.reports = 0
        self.tag = 0 if 'gcm' in relay.name else PROFILES[relay.name][2]
        answer = relay.ask('join ' + self.address, master(relay.name, seed).hex())
        self.joined = answer.startswith('joined ')
        if self.joined:
            self.ssrc = int(answer.split()[-1], 16)

    def gets(self, plain):
        """Is this, with its own SSRC and a constant added to the number, the next that arrives?"""
        try:
            got = self.srtp.unprotect(self.sock.recv(4096))
        except (Error, socket.timeout):
            return False
        added = struct.unpack_from('!H', got, 2)[0] - struct.unpack_from('!H', plain, 2)[0] & 0xffff
        if self.added is None:
            self.added = added
        return (added == self.added and struct.unpack_from('!I', got, 8)[0] == self.ssrc and
                got[:2] == plain[:2] and got[4:8] == plain[4:8] and got[12:] == plain[12:])

    def gets_report(self, plain):
        """Is it with its own SSRC, and a number of its own, the next that arrives?"""
        try:
            got = self.sock.recv(4096)
            number = struct.unpack_from('!I', got, len(got) - self.tag - 4)[0]
            got = self.srtp.unprotect_rtcp(got)
        except (Error, socket.timeout):
            return False
        self.reports += 1
        return (number == 1 << 31 | self.reports - 1 and
                got == plain.replace(struct.pack('!I', SSRC), struct.pack('!I', self.ssrc)))

    def gets_nothing(self):
        self.sock.setblocking(False)
        try:
            self.sock.recv(4096)
            return False
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(20)


class Relay:
    def __init__(self, name, dir):
        self.name, self.control = name, dir + '/' + name
        with udp() as sock:
            self.port = sock.getsockname()[1]
        self.proc = subprocess.Popen([SRELAY, str(self.port), self.control, name],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.proc.stdin.write(master(name, 0).hex() + '\n')
        self.proc.stdin.flush()
        self.started = self.proc.stdout.readline() == 'UDP port %d is relayed\n' % self.port
        self.tx = udp()
        self.tx.connect(('127.0.0.1', self.port))
        self.srtp = session(name, 0)
        self.receivers = []

    def ask(self, words, key=''):
        return subprocess.run([SRELAY, self.control] + words.split(), input=key + '\n', text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.strip()

    def join(self, seed):
        receiver = Receiver(self, seed)
        self.receivers.append(receiver)
        return receiver.joined

    def leave(self, receiver):
        self.receivers.remove(receiver)
        return self.ask('leave ' + receiver.address).startswith('left ')

    def sends(self, plain):
        """It arrives at all receivers"""
        self.tx.send(self.srtp.protect(plain))
        return all([receiver.gets(plain) for receiver in self.receivers])

    def reports(self, plain):
        """The same for RTCP"""
        self.tx.send(self.srtp.protect_rtcp(plain))
        return all([receiver.gets_report(plain) for receiver in self.receivers])

    def switches(self):
        with open('/proc/%d/status' % self.proc.pid) as status:
            return [line for line in status if 'ctxt' in line]

    def close(self):
        """The numbers in its last lines"""
        self.proc.terminate()
        out = self.proc.communicate()[0].splitlines()
        return [[int(word) for word in line.replace('(', ' ').split() if word.isdigit()]
                for line in out[-2:]]


def test_stream(relay):
    # Of no stream yet, as there was no RTP
    relay.tx.send(relay.srtp.protect_rtcp(rtcp(SSRC, 0)))
    good = all([relay.join(seed) for seed in range(1, RECEIVERS + 1)])
    ssrcs = {receiver.ssrc for receiver in relay.receivers}
    report(good and len(ssrcs) == RECEIVERS, relay.name + ': receivers join')
    extra = Receiver(relay, 9)
    report(not extra.joined, relay.name + ': no more than %d' % RECEIVERS)
    before = relay.switches()
    # Over a rollover of the sender's numbers, with all kinds of headers and lengths
    good = all([relay.sends(rtp(SSRC, 65450 + i, i * 7 % 900, i % 16, i % 3))
                for i in range(149)])
    good &= all([relay.sends(rtp(SSRC, 65450 + 149 + i, LONG[i])) for i in range(len(LONG))])
    report(good, relay.name + ': each opens all that was sent with its own key')
    report(before == relay.switches(), relay.name + ': the relay sleeps')
    return 149 + len(LONG)


def test_rollover(relay):
    """Of each receiver's own numbers: they begin below 2^15"""
    good, sent = True, 0
    seq = 65600
    while sent < 40:
        seq += 1700
        good &= relay.sends(rtp(SSRC, seq))
        sent += 1
    report(good, relay.name + ': numbers of receivers roll over')
    return sent, seq


def test_rtcp(relay):
    """Each packet once, whatever else is sent; it has little in common with RTP but the key"""
    good, sent, bad, again = True, 0, 0, 0
    before = relay.switches()
    for i in range(8):
        plain = compound(i * 1000)
        sealed = relay.srtp.protect_rtcp(plain)
        forged = bytearray(sealed)
        forged[8 + i * 5 % (len(forged) - 8)] ^= 1 << i % 8
        for data in (bytes(forged), sealed[:-1], plain):
            relay.tx.send(data)
            bad += 1
        good &= all([receiver.gets_nothing() for receiver in relay.receivers])
        relay.tx.send(sealed)
        good &= all([receiver.gets_report(plain) for receiver in relay.receivers])
        relay.tx.send(sealed)
        again += 1
        good &= all([receiver.gets_nothing() for receiver in relay.receivers])
        good &= relay.reports(rtcp(SSRC, i))
        sent += 2
    report(good and before == relay.switches(), relay.name + ': RTCP, with their SSRC and numbers')
    return sent, bad, again


def test_attack(relay, seq):
    """Forged, replayed, truncated, of another key or stream: counted, and sent to nobody"""
    forger = session(relay.name, 77)
    auth = replayed = 0
    good = True
    for i in range(20):
        seq += 1
        plain = rtp(SSRC, seq)
        sealed = relay.srtp.protect(plain)
        bad = bytearray(sealed)
        bad[12 + i * 5 % (len(bad) - 12)] ^= 1 << i % 8
        for data in (bytes(bad), sealed[:-1], sealed + b'x', forger.protect(plain), plain):
            relay.tx.send(data)
            auth += 1
        relay.tx.send(sealed)
        good &= all([receiver.gets(plain) for receiver in relay.receivers])
        relay.tx.send(sealed)
        replayed += 1
        good &= all([receiver.gets_nothing() for receiver in relay.receivers])
    for i in range(10):
        relay.tx.send(relay.srtp.protect(rtp(4321, i)))
        relay.tx.send(relay.srtp.protect_rtcp(rtcp(4321, i)))
    good &= all([receiver.gets_nothing() for receiver in relay.receivers])
    report(good, relay.name + ': what is forged, replayed or of another stream is not relayed')
    return auth, replayed, 20, 20, seq


def test_members(relay, seq):
    """Receivers leave, and others join in their place, in the middle of the stream"""
    good = True
    sent = seed = 0
    for i in range(12):
        left = relay.receivers[i * 5 % RECEIVERS]
        good &= relay.leave(left)
        good &= relay.sends(rtp(SSRC, seq + 1))
        good &= left.gets_nothing()
        seed = 100 + i
        good &= relay.join(seed)
        good &= relay.reports(compound(i))
        # The first that a receiver sees may be followed by one that is older.
        late = relay.srtp.protect(rtp(SSRC, seq + 2))
        good &= relay.sends(rtp(SSRC, seq + 3))
        relay.tx.send(late)
        good &= all([receiver.gets(rtp(SSRC, seq + 2)) for receiver in relay.receivers])
        seq += 3
        sent += 3
    report(good, relay.name + ': receivers join and leave')
    good = relay.ask('join 127.0.0.1:9', 'abc').startswith('error: ')
    good &= relay.ask('leave 127.0.0.1:9').startswith('error: ')
    good &= relay.ask('join 127.0.0.1:9', '').startswith('error: write join HOST:PORT KEY')
    lines = relay.ask('list').splitlines()
    good &= lines[0] == 'receivers 8' and len(lines) == 9
    report(good, relay.name + ': wrong commands')
    return sent, 12


def test(name, dir):
    relay = Relay(name, dir)
    report(relay.started, name + ': it starts')
    if not relay.started:
        sys.exit(1)
    sent = test_stream(relay)
    more, seq = test_rollover(relay)
    reports, bad, again = test_rtcp(relay)
    auth, replayed, good, foreign, seq = test_attack(relay, seq)
    sent += more + good
    more, later = test_members(relay, seq)
    sent += more
    reports += later
    counted = relay.close()
    relayed = [sent, reports, auth + bad, replayed + again, 1 + foreign]
    report(counted[0][2:] == relayed, name + ': counted as %s, %s' % (counted[0][2:], relayed))
    # The 12 that have joined later got two datagrams of each three less one.
    copies = (sent + reports) * RECEIVERS - 12
    report(counted[1] == [copies, RECEIVERS + 12, 0],
           name + ': %d copies, counted as %s' % (copies, counted[1]))


plan(len(PROFILES) * 12)
# The guest's /tmp is a file system without sockets.
with tempfile.TemporaryDirectory(dir='/dev/shm') as dir:
    for profile in PROFILES:
        test(profile, dir)
end()
