import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest

from gatewise.callbacks import CSVLogger, RemoteMonitor


def test_a_table_goes_on_where_it_ended(tmp_path):
    path = tmp_path / "log.csv"
    for start in (0, 2):
        logger = CSVLogger(path, append=True)
        logger.on_train_begin()
        for epoch in (start, start + 1):
            logger.on_epoch_end(epoch, {"loss": 0.5, "by_class": np.array([1, 2])})
            assert path.read_text().count("\n") == epoch + 2  # It is on the disk after each epoch.
        logger.on_train_end()
    first, *rows = path.read_text().splitlines()
    assert first == "epoch,by_class,loss,val_by_class,val_loss"
    assert rows == [f'{epoch},"""[1, 2]""",0.5,NA,NA' for epoch in range(4)]


@pytest.fixture
def server():
    """A server that keeps what it is sent."""
    sent = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent.append((self.path, self.headers["Content-Type"], self.headers.get("X-Key"), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()
    thread.join()
    server.server_close()


def test_logs_are_sent(server):
    root, sent = server
    logs = {"loss": 0.5, "by_class": np.arange(2)}
    RemoteMonitor(root, headers={"X-Key": "k"}).on_epoch_end(3, logs)
    RemoteMonitor(root, path="/here", send_as_json=True).on_epoch_end(4, logs)
    (path, kind, key, body), (path_2, kind_2, _, body_2) = sent
    assert (path, kind, key) == ("/publish/epoch/end/", "application/x-www-form-urlencoded", "k")
    assert json.loads(parse_qs(body)["data"][0]) == {"epoch": 3, "loss": 0.5, "by_class": [0, 1]}
    assert (path_2, kind_2) == ("/here", "application/json")
    assert json.loads(body_2) == {"epoch": 4, "loss": 0.5, "by_class": [0, 1]}


def test_a_server_that_is_not_there_is_a_warning():
    with pytest.warns(UserWarning, match="took no logs"):
        RemoteMonitor("http://127.0.0.1:1").on_epoch_end(0, {"loss": 0.5})
    with pytest.raises(ValueError, match="expected an address with http://"):
        RemoteMonitor("file:///etc")
