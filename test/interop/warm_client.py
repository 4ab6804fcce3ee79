"""Runs many command lines of one Python program without starting Python for each of them.

Python's start and a client's imports take longer than most of what the client is asked. This imports them once and
forks for each command: the child gets arguments, environment, directory and streams of its own and runs the
program's script as it is installed, to its end. So nothing that one command leaves behind reaches the next. Which
modules to import is learnt: a child tells which it needed, and those after it are born with them.

    python3 warm_client.py SCRIPT 3<commands 4>results

A command is a line of JSON: its `args`, `env`, `cwd`, and the files `stdin`, `stdout` and `stderr`. Its result is a
line with the exit code, or -N where signal N ended it. The end of the commands ends this too.
"""

import gc
import importlib
import json
import os
import shutil
import sys
import tempfile
import types

COMMANDS, RESULTS = 3, 4
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def serve(script):
    """Carries out commands until there are no more. Returns in each child, which is then to run the script, with a
    function for it to call at its end."""
    born = dict(os.environ)
    for line in os.fdopen(COMMANDS, 'rb'):
        command = json.loads(line)
        imported = tempfile.TemporaryFile('w+')
        stdin, feed = os.pipe()
        # What is there stays shared: a collection in the child would write to every page of it.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            for end in (feed, COMMANDS, RESULTS):
                os.close(end)
            # What a module that is imported here said in the environment (awscli does), it would say in the child.
            said = {name: value for name, value in os.environ.items() if born.get(name) != value}
            become({**command, 'env': {**command['env'], **said}}, script, stdin)
            return lambda: print(*sorted(sys.modules), sep='\n', file=imported, flush=True)
        os.close(stdin)
        send(command['stdin'], feed)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(RESULTS, b'%d\n' % code)
        with imported:
            imported.seek(0)
            learn(imported.read().split('\n'))
    os._exit(0)


def become(command, script, stdin):
    """Makes this process what Python would be after `cd CWD; env -i ENV SCRIPT ARGS <… >… 2>…`."""
    os.dup2(stdin, 0)
    os.dup2(os.open(command['stdout'], WRITE, 0o600), 1)
    os.dup2(os.open(command['stderr'], WRITE, 0o600), 2)
    os.chdir(command['cwd'])
    os.environ.clear()
    os.environ.update(command['env'])
    sys.argv[:] = [script, *command['args']]  # In place: swift keeps a reference to it.


def send(file, feed):
    """A pipe, as a shell makes it: clients tell a file on standard input from a stream."""
    with open(file, 'rb') as source, os.fdopen(feed, 'wb', buffering=0) as sink:
        try:
            shutil.copyfileobj(source, sink)
        except BrokenPipeError:
            pass  # It ended without reading everything.


def learn(names):
    for name in filter(None, names):
        try:
            importlib.import_module(name)
        except Exception:
            pass  # One that only the client itself can import.


if __name__ == '__main__':
    script = sys.argv[1]
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    with open(script, 'rb') as source:
        code = compile(source.read(), script, 'exec')
    tell = serve(script)
    sys.modules['__main__'] = main = types.ModuleType('__main__')
    main.__file__ = script
    try:
        exec(code, main.__dict__)
    finally:
        tell()
