#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# usage: samples/tree/test.py
#
# Three hosts, which are network namespaces on a bridge.  On the first: the source, an etcd, and
# relay a, which sends to relays b and c on the others; these send to receivers beside them.
# Does each receiver get all datagrams, in order, while members come and go, the store is killed,
# and a relay is?  The relays are build/samples/tree/tree.

import base64
import ctypes
import itertools
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, sys.path[0] + '/..')
import tap
from tap import TOP, report

TREE = TOP + '/build/samples/tree/tree'
CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PORT = 7000
TIMEOUT = 20
BATCH = 8
MIXED = 160
CHANGES = 3
HOSTS = 'abc'
TESTS = 14
libc = ctypes.CDLL(None, use_errno=True)


# ---- The network ---------------------------------------------------------------

def address(host):
    return '10.99.0.%d' % (HOSTS.index(host) + 1)


def enter(namespace):
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns')


def ip(commands):
    subprocess.run(['ip', '-batch', '-'], input=commands, text=True, check=True)


def own_network():
    """An ordinary user becomes root in a user namespace"""
    maps = {'setgroups': 'deny', 'uid_map': '0 %d 1' % os.geteuid(),
            'gid_map': '0 %d 1' % os.getegid()}
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'unshare')
    for name, value in maps.items():
        with open('/proc/self/' + name, 'w') as file:
            file.write(value)


def make_network():
    """Return: the namespace of each host; this process stays in that of the first"""
    namespaces = {'a': os.open('/proc/self/ns/net', os.O_RDONLY)}
    ip('link set lo up\nlink add bridge type bridge\naddr add %s/24 dev bridge\n'
       'link set bridge up\n' % address('a'))
    for host in HOSTS[1:]:
        if libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'unshare')
        namespaces[host] = os.open('/proc/self/ns/net', os.O_RDONLY)
        enter(namespaces['a'])
        ip('link add to-%s type veth peer name e netns /proc/%d/fd/%d\n'
           'link set to-%s master bridge up\n' % (host, os.getpid(), namespaces[host], host))
        enter(namespaces[host])
        ip('link set lo up\naddr add %s/24 dev e\nlink set e up\n' % address(host))
        enter(namespaces['a'])
    return namespaces


def start(host, *command, **options):
    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        enter(namespaces[host])
    return subprocess.Popen(command, preexec_fn=prepare, **options)


# ---- The store ---------------------------------------------------------------------

class Store:
    """An etcd, and requests to it"""

    def __init__(self):
        # In a guest, /tmp is on the network, and its files are slow.
        self.directory = tempfile.mkdtemp(dir='/dev/shm')
        self.start()

    def start(self):
        clients, peers = 'http://%s:2379' % address('a'), 'http://127.0.0.1:2380'
        with open(self.directory + '/log', 'w') as log:
            self.proc = start('a', 'etcd', '--data-dir', self.directory + '/data',
                              '--unsafe-no-fsync', '--heartbeat-interval', '20',
                              '--election-timeout', '200', '--listen-client-urls', clients,
                              '--advertise-client-urls', clients,
                              '--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers,
                              '--initial-cluster', 'default=' + peers,
                              stdout=log, stderr=subprocess.STDOUT)

    def request(self, path, **body):
        body = json.dumps(body)
        with socket.create_connection((address('a'), 2379), TIMEOUT) as connection:
            connection.sendall(('POST /v3%s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' %
                                (path, len(body), body)).encode())
            head, _, answer = connection.makefile().read().partition('\n\n')
        if ' 200 ' not in head.split('\n')[0]:
            raise OSError('etcd: %s %s' % (head, answer))
        return json.loads(answer)

    def ready(self):
        try:
            self.request('/kv/range', key=encode('/'))
        except OSError:
            return False
        return True

    def put(self, group, member, value, lease=0):
        self.request('/kv/put', key=key(group, member), value=encode(value), lease=lease)

    def delete(self, group, member):
        self.request('/kv/deleterange', key=key(group, member))

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def end(self):
        self.kill()
        if tap.failed:
            with open(self.directory + '/log') as log:
                print(''.join('# etcd: ' + line for line in log.readlines()[-20:]), end='')
        shutil.rmtree(self.directory)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def key(group, member):
    return encode('/vnp/relay/%s/%s' % (group, member))


# ---- Relays ---------------------------------------------------------------------

class Relay:
    """The sample on a host, for the group of the same name"""

    def __init__(self, host):
        self.host, self.where = host, '%s:%d' % (address(host), PORT)
        self.left = 0
        self.start()

    def start(self):
        self.said = ''
        self.proc = start(self.host, TREE, str(PORT), self.host, 'http://%s:2379' % address('a'),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.proc.stdout.fileno(), False)

    def says(self, text):
        """Has it printed this since it was last asked successfully?"""
        more = (self.proc.stdout.read() or b'').decode()
        self.left += more.count('left ')
        self.said += more
        before, found, after = self.said.partition(text)
        if found:
            show(self.host, before + found + after.split('\n')[0])
            self.said = after.partition('\n')[2]
        return found

    def wait(self, text):
        while not self.says(text):
            if not select.select([self.proc.stdout], [], [], TIMEOUT)[0]:
                raise OSError('relay %s does not print "%s"' % (self.host, text))
            if self.proc.poll() is not None:
                raise OSError('relay %s has ended: %s' % (self.host, self.said))

    def switches(self):
        """Context switches, when it sleeps"""
        while True:
            total, asleep = 0, True
            for task in os.listdir('/proc/%d/task' % self.proc.pid):
                with open('/proc/%d/task/%s/status' % (self.proc.pid, task)) as file:
                    status = dict(line.split(':\t', 1) for line in file if ':\t' in line)
                total += int(status['voluntary_ctxt_switches'])
                asleep &= status['State'].startswith('S')
            if asleep:
                return total

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def end(self):
        self.proc.terminate()
        self.proc.wait(TIMEOUT)
        os.set_blocking(self.proc.stdout.fileno(), True)
        self.said += self.proc.stdout.read().decode()
        show(self.host, self.said)
        return self.said


def show(host, text):
    for line in text.splitlines():
        print('# %s: %s' % (host, line), flush=True)


# ---- Media --------------------------------------------------------------------

def is_rtp(index):
    """Members that join or leave may do so with RTP first: then there is nothing else"""
    return index % 2 or index >= MIXED


def make(index):
    body = bytes((index * 31 + i * 7) & 255 for i in range(16)) * (index // 5 % 75)
    if is_rtp(index):
        sequence = index // 2 if index < MIXED else index - MIXED // 2
        return struct.pack('!BBHII', 0x80, 96, sequence & 0xffff, index, 0x01020304) + body
    return struct.pack('!BI', 0x47, index) + body


class Receiver:
    """
    A socket, and what it has got: each datagram once and in order, at least from the one on that
    was sent when it had joined
    """

    def __init__(self, host, port):
        self.where = '%s:%d' % (address(host), port)
        enter(namespaces[host])
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        enter(namespaces['a'])
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.bind((address(host), port))
        self.sock.settimeout(TIMEOUT)
        self.last = self.stream = None
        self.since = 0

    def restart(self):
        """It joins, again perhaps: its stream is a new one"""
        self.last = self.stream = None
        self.since = 1 << 32

    def take(self, data):
        index = struct.unpack_from('!I', data, 1 if data[0] == 0x47 else 4)[0]
        good = index <= self.since if self.last is None else index == self.last + 1
        sent = make(index)
        if is_rtp(index):
            sequence, ssrc = struct.unpack_from('!H4xI', data, 2)
            good &= self.stream in (None, (sequence - 1 & 0xffff, ssrc)) and ssrc != 0x01020304
            self.stream = sequence, ssrc
            data, sent = data[:2] + data[4:8] + data[12:], sent[:2] + sent[4:8] + sent[12:]
        if not good or data != sent:
            raise OSError('%s: datagram %d after %s' % (self.where, index, self.last))
        self.last = index

    def get_to(self, index):
        try:
            while self.last is None or self.last < index:
                self.take(self.sock.recv(4096))
        except TimeoutError:
            raise OSError('%s: nothing after %s until %d' % (self.where, self.last, index))

    def get_all(self):
        """Return: how many there were"""
        for cnt in itertools.count():
            if not select.select([self.sock], [], [], 0)[0]:
                return cnt
            self.take(self.sock.recv(4096))


class Source:
    """
    Sends to relay a, and waits for the receivers that must get everything.  Others, which may
    be members or not, must get what they get in order
    """

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent = 0
        self.receivers, self.others = [], []

    def send(self, cnt):
        for i in range(cnt):
            self.sock.sendto(make(self.sent), (address('a'), PORT))
            self.sent += 1
            if i % BATCH == BATCH - 1 or i == cnt - 1:
                for receiver in self.receivers:
                    receiver.get_to(self.sent - 1)
                for receiver in self.others:
                    receiver.get_all()

    def send_until(self, happened):
        while not happened():
            self.send(BATCH)

    def await_join(self, relay, receiver):
        receiver.restart()
        self.send_until(lambda: relay.says('joined %s ' % receiver.where))
        receiver.since = self.sent

    def join(self, relay, receiver):
        """Send until the relay has it: from then on it must get everything"""
        self.await_join(relay, receiver)
        self.receivers.append(receiver)
        self.send(2 * BATCH)

    def release(self, receiver):
        self.receivers.remove(receiver)
        self.others.append(receiver)

    def leave(self, relay, receiver):
        """Send until the relay has it no more: then nothing arrives"""
        if receiver in self.receivers:
            self.release(receiver)
        self.send_until(lambda: relay.says('left %s ' % receiver.where))
        receiver.get_all()
        self.others.remove(receiver)
        self.send(2 * BATCH)
        return not receiver.get_all()


# ---- Tests ------------------------------------------------------------------

def fill_store():
    for group, member, where in (('a', 'b', '%s:%d' % (address('b'), PORT)),
                                 ('a', 'c', '%s:%d' % (address('c'), PORT)),
                                 ('b', '1', steady[0].where), ('b', '2', steady[1].where),
                                 ('c', '1', steady[2].where)):
        store.put(group, member, where)


def test_tree():
    # Members are joined before; and nothing else is to come from the store.
    for relay in a, b, c:
        relay.wait('group watched ')
    source.receivers = steady[:]
    source.send(BATCH)
    report(True, 'the relays have read their groups, and datagrams arrive')
    before = [relay.switches() for relay in (a, b, c)]
    source.send(MIXED)
    report(True, 'every receiver gets all datagrams, in order')
    report([relay.switches() for relay in (a, b, c)] == before, 'the relays have slept')


def test_changes():
    lease = store.request('/lease/grant', TTL=2)['ID']
    store.put('b', 'leased', leased.where, lease)
    source.others = [leased]
    source.await_join(b, leased)
    good = True
    for _ in range(CHANGES):
        store.put('c', 'guest', guest.where)
        source.join(c, guest)
        store.put('c', 'guest', other.where)
        good &= source.leave(c, guest)
        source.join(c, other)
        store.delete('c', 'guest')
        good &= source.leave(c, other)
    report(good, 'members that come, move and go get all meanwhile, and nothing else')
    good = source.leave(b, leased) and leased.last is not None
    report(good, 'a member with a lease that is not renewed goes')


def test_values():
    store.put('c', 'bad', 'nonsense')
    source.send_until(lambda: c.says('"nonsense" is not a peer'))
    store.put('c', 'same', steady[2].where)
    store.delete('c', 'bad')
    store.put('c', 'guest', guest.where)
    source.join(c, guest)
    store.delete('c', 'same')
    store.delete('c', 'guest')
    report(source.leave(c, guest), 'no address, and an address twice')


def test_store_killed():
    left = [relay.left for relay in (a, b, c)]
    store.kill()
    for relay in a, b, c:
        source.send_until(lambda: relay.says('the receivers stay'))
    source.send(80)
    report(True, 'the store is killed: datagrams arrive as before')
    store.start()
    source.send_until(store.ready)
    store.put('c', 'guest', guest.where)
    store.delete('b', '2')
    source.release(steady[1])
    source.join(c, guest)
    good = source.leave(b, steady[1])
    report(good, 'it is started again: changes arrive')
    store.put('b', '2', steady[1].where)
    source.join(b, steady[1])
    store.delete('c', 'guest')
    good = source.leave(c, guest)
    report(good, 'and so do later ones')
    a.wait('group watched ')
    left = [relay.left - before for relay, before in zip((a, b, c), left)]
    report(left == [0, 1, 1], 'no other member has left')


def test_relay_killed():
    b.kill()
    source.receivers = [steady[2]]
    source.send(80)
    report(not steady[0].get_all() and not steady[1].get_all(),
           'a relay is killed: its members get nothing, those of others everything')
    store.put('a', 'instead', steady[0].where)
    source.join(a, steady[0])
    store.delete('a', 'instead')
    report(source.leave(a, steady[0]), 'its parent can send to its members')
    b.start()
    source.join(b, steady[0])
    source.join(b, steady[1])
    source.send(80)
    report(True, 'it is started again: they get everything')


def test_end():
    said = {relay.host: relay.end() for relay in (c, b, a)}
    good = not any(relay.proc.returncode for relay in (a, b, c))
    good &= '\n%d datagrams (' % source.sent in said['a']
    good &= bool(re.search(r'left %s .* unreachable [1-9]' % b.where, said['a']))
    report(good, 'they print their counters, and what the killed one did not get')


tap.plan(TESTS)
own_network()
namespaces = make_network()
store = Store()
relays = []
try:
    steady = [Receiver('b', 6001), Receiver('b', 6002), Receiver('c', 6001)]
    leased, guest, other = Receiver('b', 6003), Receiver('c', 6002), Receiver('c', 6003)
    source = Source()
    while not store.ready():
        select.select([], [], [], 0.1)
    fill_store()
    relays.extend(map(Relay, HOSTS))
    a, b, c = relays
    test_tree()
    test_changes()
    test_values()
    test_store_killed()
    test_relay_killed()
    test_end()
except OSError as error:
    report(False, str(error))
    for relay in relays:
        relay.end()
    for host in HOSTS:
        enter(namespaces[host])
        with open('/proc/thread-self/net/snmp') as counters:
            show(host, ''.join(line for line in counters if line.startswith('Udp:')))
finally:
    store.end()
tap.end()
