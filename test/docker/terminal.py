#!/usr/bin/env python3
"""terminal.py COMMAND... - run a command with data in a pipe on stdin and a terminal, on which a key is typed when it asks."""
import os
import pty
import subprocess
import sys

pid, terminal = pty.fork()
if pid == 0:
    result = subprocess.run(sys.argv[1:], input=b'data\n', stdout=subprocess.PIPE)
    os.write(1, b'=' + result.stdout)
    os._exit(0)
seen = b''
while b'?' not in seen:
    seen += os.read(terminal, 100)
os.write(terminal, b'key')
while True:
    try:
        more = os.read(terminal, 100)
    except OSError:
        break
    if not more:
        break
    seen += more
print(seen.decode().split('=')[1].strip())
