#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# usage: samples/srtp/test.py
#
# Does a socket get what libsrtp has sealed, byte for byte, and nothing else?  The sample is
# build/samples/srtp/srtp; the socket that it opens is one of this process.

import os
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.path[0] + '/..')
import packets
from packets import PROFILES, master, rtcp, rtp, udp
from tap import TOP, end, plan, report

SRTP = TOP + '/build/samples/srtp/srtp'


class Opener:
    """A socket, and the sample that opens what arrives there"""

    def __init__(self, name, mki=False):
        self.name, self.tag, self.mki = name, PROFILES[name][2], mki
        self.rx, self.tx = udp(), udp()
        self.tx.connect(self.rx.getsockname())
        self.proc = subprocess.Popen(
            [SRTP, str(os.getpid()), str(self.rx.getsockname()[1]), name] +
            (['mki'] if mki else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sent = self.wanted = 0

    def key(self, seed, mki=0):
        line = master(self.name, seed).hex() + '\n'
        self.proc.stdin.write('%d %s' % (mki, line) if self.mki else line)
        self.proc.stdin.flush()
        return self.proc.stdout.readline() == 'key set\n'

    def session(self, seed):
        return packets.session(self.name, seed, repeats=True)

    def send(self, data):
        self.tx.send(data)
        self.sent += 1

    def gets(self, data):
        """Is this what arrives next, and nothing that was sent before it?"""
        self.wanted += 1
        return self.rx.recv(4096) == data

    def identified(self, data, mki):
        mki = struct.pack('!I', mki)
        if 'gcm' in self.name:
            return data + mki
        return data[:-self.tag] + mki + data[-self.tag:]

    def close(self):
        out = self.proc.communicate()[0].split()
        self.rx.close()
        return [int(word) for word in out if word.isdigit()]


def test_stream(name):
    opener = Opener(name)
    good = opener.key(1)
    session = opener.session(1)
    # Over a rollover, with all kinds of headers and lengths
    for i in range(200):
        plain = rtp(1234, 65400 + i, (i * 7) % 1300, i % 16, i % 3)
        opener.send(session.protect(plain))
        good &= opener.gets(plain)
    report(good, name + ': all arrives as it was sealed, over a rollover')
    return opener, session


def test_attack(opener, session):
    good, name, bad = True, opener.name, 0
    for i in range(60):
        plain = rtp(1234, 65600 + i)
        sealed = session.protect(plain)
        forged = bytearray(sealed)
        forged[i * 5 % len(forged)] ^= 1 << i % 8
        for data in (bytes(forged), sealed[:i], sealed[:-1], sealed + b'x', plain, b''):
            opener.send(data)
            bad += 1
        opener.send(sealed)
        good &= opener.gets(plain)
        opener.send(sealed)
        bad += 1
    report(good, name + ': forged, truncated, plain and replayed packets do not arrive')
    return bad


def test_streams(opener):
    good = True
    session = opener.session(1)
    for ssrc in range(5000, 5020):
        for seq in (7, 5, 6, 40000):
            plain = rtp(ssrc, seq)
            opener.send(session.protect(plain))
            good &= opener.gets(plain)
    report(good, opener.name + ': other streams, out of order')


def test_rtcp(opener):
    good, name = True, opener.name
    session = opener.session(1)
    for i in range(10):
        plain = rtcp(77, i)
        sealed = session.protect_rtcp(plain)
        opener.send(sealed)
        good &= opener.gets(plain)
        opener.send(sealed)
        opener.send(sealed[:-1] + bytes((sealed[-1] ^ 1,)))
    report(good, name + ': RTCP, once')
    return 20


def test_rekeying(opener):
    good, name, bad = True, opener.name, 0
    old, new = opener.session(1), opener.session(2)
    opener.send(new.protect(rtp(9, 1)))
    plain = rtp(9, 2)
    opener.send(old.protect(plain))
    good &= opener.gets(plain)
    good &= opener.key(2)
    opener.send(old.protect(rtp(9, 3)))
    plain = rtp(9, 4)
    opener.send(new.protect(plain))
    good &= opener.gets(plain)
    report(good, name + ': a key that is replaced opens nothing any more')
    return 2


def test_overlap(name):
    opener = Opener(name, True)
    good = opener.key(1, 10) and opener.key(2, 11)
    sessions = {10: opener.session(1), 11: opener.session(2), 12: opener.session(1)}
    for i in range(20):
        mki = 10 + i % 2
        plain = rtp(1, 65530 + i)
        if i == 6:
            # The rollover counter is the stream's, whichever the key: catch up
            for mki_too in (10, 11):
                sessions[mki_too].protect(rtp(1, 65535))
        opener.send(opener.identified(sessions[12].protect(rtp(2, i)), 12))
        opener.send(opener.identified(sessions[mki].protect(plain), mki))
        good &= opener.gets(plain)
        plain = rtcp(1, i)
        opener.send(opener.identified(sessions[10].protect_rtcp(plain), 10))
        good &= opener.gets(plain)
    counted = opener.close()
    report(good, name + ': two keys at a time, by their identifiers')
    report(counted[:2] == [40, 20], name + ': counted as %s' % counted)


plan(len(PROFILES) * 9)
for profile in PROFILES:
    opener, session = test_stream(profile)
    bad = test_attack(opener, session)
    test_streams(opener)
    bad += test_rtcp(opener)
    bad += test_rekeying(opener)
    wrong = Opener(profile)
    wrong.key(3)
    other = wrong.session(1)
    for i in range(100):
        wrong.send(other.protect(rtp(5, i)))
    plain = rtp(6, 1)
    wrong.send(wrong.session(3).protect(plain))
    good = wrong.gets(plain)
    counted = wrong.close()
    report(good and counted == [1, 100, 100, 0], '%s: nothing arrives with a wrong key: %s' % (profile, counted))
    opened = opener.wanted
    counted = opener.close()
    report(counted[:2] == [opened, bad], '%s: %d opened, %d dropped: %s' % (profile, opened, bad, counted))
    test_overlap(profile)
end()
