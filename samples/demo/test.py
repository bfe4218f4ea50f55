#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# usage: samples/demo/test.py
#
# The demo with a small load: does each scenario end well, with all its numbers?  The demo itself
# fails if they are not as expected of VNP.

import json
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.path[0] + '/..')
from tap import TOP, end, plan, report

DEMO = TOP + '/samples/demo/demo'
COST = ['wakeups', 'ms']
# The rows of each scenario, and those that cannot be 0 in any column
SCENARIOS = {
    'filter': (['sent', 'wanted', 'unwanted', 'malformed', 'dropped', *COST], ['sent', 'wanted']),
    'hold': (['datagrams', 'records', 'receipts', 'calls_per_record', 'wakeups_per_record',
              'us_per_record', *COST, 'machine_ms'],
             ['datagrams', 'records', 'receipts', 'calls_per_record', 'wakeups_per_record']),
    'open': (['sent', 'answered', 'forged', 'rejected', 'dropped', 'calls', *COST, 'machine_ms'],
             ['sent', 'answered', 'forged', 'calls']),
    'forward': (['sent', 'delivered', 'softirq', 'switches', *COST, 'machine_ms'],
                ['sent', 'delivered']),
    'stream': (['segments', 'requests', 'wakeups_per_request', 'us_per_request', *COST,
                'machine_ms'], ['segments', 'requests', 'wakeups_per_request']),
}
# More of it than fits any load, in any unit
LIMIT = 10 ** 7


def is_number(value):
    return type(value) in (int, float) and 0 <= value < LIMIT


def test_scenario(name, scenario):
    rows, positive = SCENARIOS[name]
    found = {row['name']: row for row in scenario['rows']}
    complete = list(found) == rows
    report(complete, name + ': all rows')
    if not complete:
        return
    report(all(is_number(row['without']) and is_number(row['with']) and row['text']
               for row in found.values()), name + ': numbers')
    report(all(found[what][column] > 0 for what in positive for column in ('without', 'with')),
           name + ': what must be there in both columns')
    report(found['wakeups']['with'] < found['wakeups']['without'], name + ': fewer wake-ups')


def test_errors():
    wrong = subprocess.run([DEMO, 'nothing'], capture_output=True, text=True)
    report(wrong.returncode == 1 and 'no scenario nothing' in wrong.stderr,
           'a scenario that does not exist')
    wrong = subprocess.run([DEMO, '-x'], capture_output=True, text=True)
    report(wrong.returncode == 2 and 'usage' in wrong.stderr, 'an option that does not exist')


plan(4 + 4 * len(SCENARIOS))
test_errors()
demo = subprocess.run([DEMO, '-j', '-q'], capture_output=True, text=True)
print('# ' + demo.stderr.replace('\n', '\n# '))
print('# ' + demo.stdout.replace('\n', '\n# '))
report(demo.returncode == 0, 'exit status 0')
try:
    scenarios = {s['name']: s for s in json.loads(demo.stdout)['scenarios']}
except (ValueError, KeyError):
    scenarios = {}
report(list(scenarios) == list(SCENARIOS), 'JSON with all scenarios')
for name in SCENARIOS:
    if name in scenarios:
        test_scenario(name, scenarios[name])
end()
