# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Packets for tests of SRTP, and libsrtp, which seals and opens them."""

import socket
import struct

import tap

try:
    from pylibsrtp import Error, Policy, Session
    from pylibsrtp._binding import ffi
except ImportError:
    tap.skip('no python3-pylibsrtp')

# Of a profile: libsrtp's, bytes of a master key with its salt, and of a tag
PROFILES = {
    'aes-128-gcm': (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28, 16),
    'aes-256-gcm': (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44, 16),
    'aes-128-cm-hmac-sha1-80': (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30, 10),
}
OUTBOUND = Policy.SSRC_ANY_OUTBOUND
INBOUND = Policy.SSRC_ANY_INBOUND


def master(profile, seed):
    return bytes((seed * 59 + 7 * i) & 255 for i in range(PROFILES[profile][1]))


def session(profile, seed, direction=OUTBOUND, repeats=False):
    policy = Policy(key=master(profile, seed), ssrc_type=direction,
                    srtp_profile=PROFILES[profile][0])
    policy.allow_repeat_tx = repeats
    made = Session(policy)
    # Its buffer of 1,500 bytes has no room for long packets and what libsrtp may append.
    made._cdata = ffi.new('char[]', 4096)
    made._buffer = ffi.buffer(made._cdata)
    return made


def rtp(ssrc, seq, size=160, csrc=0, ext=0):
    first = 0x80 | csrc | (0x10 if ext else 0)
    head = struct.pack('!BBHII', first, 96, seq & 0xffff, seq * 160 & 0xffffffff, ssrc)
    head += bytes(range(4 * csrc))
    if ext:
        head += struct.pack('!HH', 0xbede, ext) + bytes(4 * ext)
    return head + bytes((seq + i) & 255 for i in range(size))


def rtcp(ssrc, number):
    """A sender report"""
    return struct.pack('!BBHI', 0x80, 200, 6, ssrc) + struct.pack('!5I', *range(number, number + 5))


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', 0))
    sock.settimeout(20)
    return sock
