"""`edge-fer demo`: the real daemon on a clip of two real people, seen from the server's side of the broker.

Nothing here is imported by the daemon. `scene` says where everybody is, `clip` films it, `broker` and `server` are
the other end of MQTT, `verdict` judges what came, and `show` puts it on the terminal.
"""
