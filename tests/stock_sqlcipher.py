"""Opens a database with a SQLCipher that is not ours.

usage: stock_sqlcipher.py FILE < HEXKEY

Reads the raw key (64 hex digits) from standard input, opens FILE read-only
with stock SQLCipher 4 and its default parameters, and prints one line of JSON:
the number of tables, the version of SQLCipher, and what the integrity checks
say. Exit status 1 with the reason when the file does not open.
"""

import json
import sys
from urllib.parse import quote

from sqlcipher3 import dbapi2


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    key = sys.stdin.readline().strip()
    if len(bytes.fromhex(key)) != 32:
        print("the key is not 32 bytes", file=sys.stderr)
        return 2
    db = dbapi2.connect(f"file:{quote(sys.argv[1])}?mode=ro", uri=True)
    try:
        db.execute(f"PRAGMA key = \"x'{key}'\"")
        tables = db.execute(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchone()[0]
        answer = {
            "tables": tables,
            "cipher": db.execute("PRAGMA cipher_version").fetchone()[0],
            # One row for each page whose HMAC does not hold.
            "pages_bad": len(db.execute("PRAGMA cipher_integrity_check").fetchall()),
            "integrity": db.execute("PRAGMA integrity_check").fetchone()[0],
        }
    except dbapi2.DatabaseError as error:
        print(f"does not open: {error}", file=sys.stderr)
        return 1
    finally:
        db.close()
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
