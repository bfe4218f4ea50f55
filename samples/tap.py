# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tests of samples in Python share: results in TAP, and where things are."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
tests = 0
failed = 0


def skip(why):
    print('1..0 # SKIP ' + why)
    sys.exit(4)


def plan(count):
    print('TAP version 13')
    print('1..%d' % count, flush=True)


def report(good, what):
    global tests, failed
    tests += 1
    failed += not good
    print('%sok %d %s' % ('' if good else 'not ', tests, what), flush=True)


def end():
    sys.exit(failed > 0)
