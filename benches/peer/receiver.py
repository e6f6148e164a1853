"""The receiver a careful Python programmer would write, to be measured against.

FastAPI on uvicorn with uvloop and httptools. It verifies the signature over the
raw body, stores each message once in SQLCipher (WAL, synchronous=FULL) and
answers 200 only after the commit. PEER_COMMIT chooses where the commit runs:
`direct` on the event loop (least overhead where a flush costs little) or
`thread` on one writer thread (the loop goes on reading meanwhile). benches/run
measures both and keeps the better.

Environment: PEER_DB, PEER_SECRET_FILE, PEER_COMMIT, PEER_PORT.
"""

import asyncio
import hashlib
import hmac
import os
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from sqlcipher3 import dbapi2

SECRET = open(os.environ["PEER_SECRET_FILE"], "rb").read().rstrip(b"\n")
DIRECT = os.environ.get("PEER_COMMIT", "direct") == "direct"
INSERT = "INSERT OR IGNORE INTO inbox (received_ms, wamid, body) VALUES (?, ?, ?)"


def open_database():
    db = dbapi2.connect(
        os.environ["PEER_DB"], isolation_level=None, check_same_thread=False, cached_statements=16
    )
    db.execute("PRAGMA key = \"x'" + "5e" * 32 + "'\"")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(
        "CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, received_ms INTEGER NOT NULL,"
        " wamid TEXT NOT NULL UNIQUE, body BLOB NOT NULL)"
    )
    return db


app = FastAPI(openapi_url=None)
database = open_database()
writer = ThreadPoolExecutor(max_workers=1)


def store(rows):
    if len(rows) == 1:  # autocommit: one statement is one transaction
        database.execute(INSERT, rows[0])
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        database.executemany(INSERT, rows)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def rows_of(body):
    now_ms = time.time_ns() // 1_000_000
    return [
        (now_ms, message["id"], body)
        for entry in orjson.loads(body)["entry"]
        for change in entry["changes"]
        for message in change["value"].get("messages", ())
    ]


@app.post("/webhooks/whatsapp")
async def webhook(request: Request) -> Response:
    body = await request.body()
    wanted = "sha256=" + hmac.digest(SECRET, body, hashlib.sha256).hex()
    if not hmac.compare_digest(wanted, request.headers.get("x-hub-signature-256", "")):
        return Response(status_code=401)
    rows = rows_of(body)
    if rows:
        if DIRECT:
            store(rows)
        else:
            await asyncio.get_running_loop().run_in_executor(writer, store, rows)
    return Response(status_code=200)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PEER_PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
