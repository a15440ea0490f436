#!/usr/bin/env bash
# SQLite replays any "-wal" file beside a database, also into one whose header says that it has no such log.
#
# A copy by VACUUM INTO is in rollback-journal mode: bytes 18 and 19 of its header are 1, not 2. If it is put in the place of a
# database in WAL mode that was not closed in order (a crash, then a restore), the "-wal" that is left over belongs to what was
# there before. Nothing ties it to the copy: its checksums are over its own pages. So the first SELECT answers out of it (1,003 rows
# instead of the copy's 3), the journal mode is reported as WAL, and closing that connection, which has only read, brings the
# pages into the copy and removes the log: the copy is gone. Here the pages fit, since both come of the same database; where they
# do not, it is damaged. So: remove "-wal" and "-shm" before a copy is put in place, and open what is to be looked at with
# SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, or with immutable=1.
#
# Seen on 2026-11-30 with SQLite 3.54.1 (apsw 3.54.1.0), and with 3.40.1 of Debian 12:
#   the copy alone: header (1, 1), 3 rows
#   beside a log of before: mode wal, 1003 rows, integrity ok
#   after closing: header (2, 2), the copy has changed, no log
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0 || cannot "PyPI does not give apsw==3.54.1.0"
cat > "$folder/crash.py" <<'END'
import apsw, os, sys

live = apsw.Connection(sys.argv[1])
live.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)").fetchall()
live.executemany("INSERT INTO t VALUES (?)", [("old",)] * 3)
live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
live.execute("VACUUM INTO ?", (sys.argv[2],)).fetchall()
live.executemany("INSERT INTO t VALUES (?)", [("new" * 50,)] * 1000)
# As a crash would.
os._exit(0)
END
cat > "$folder/try.py" <<'END'
import apsw, os, subprocess, sys

live, copy = sys.argv[1] + "/live", sys.argv[1] + "/copy"

def header(file):
    with open(file, "rb") as f: return tuple(f.read(20)[18:])

def rows(connection):
    return connection.execute("SELECT count(*) FROM t").fetchone()[0]

print("SQLite", apsw.sqlitelibversion())
subprocess.run([sys.executable, sys.argv[1] + "/crash.py", live, copy], check=True)
alone = apsw.Connection(copy)
before = (header(copy), rows(alone))
alone.close()
content = open(copy, "rb").read()
print(f"the copy alone: header {before[0]}, {before[1]} rows")

os.remove(live)
os.remove(live + "-shm")
os.rename(copy, live)
restored = apsw.Connection(live)
seen = (restored.execute("PRAGMA journal_mode").fetchone()[0], rows(restored))
integrity = restored.execute("PRAGMA integrity_check").fetchone()[0]
print(f"beside a log of before: mode {seen[0]}, {seen[1]} rows, integrity {integrity}")
restored.close()
after = (header(live), open(live, "rb").read() != content, os.path.exists(live + "-wal"))
print(f"after closing: header {after[0]}, the copy {'has changed' if after[1] else 'is as it was'}, {'a log' if after[2] else 'no log'}")
as_described = before == ((1, 1), 3) and seen == ("wal", 1003) and after == ((2, 2), True, False)
sys.exit(0 if as_described else 1)
END
"$folder/venv/bin/python" "$folder/try.py" "$folder"
