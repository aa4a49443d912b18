"""`edge-fer demo`: the real daemon on a clip of two real people, and what a server receives from it over MQTT.

The daemon imports nothing from here. `run` leads through it, `broker` and `process` are its neighbors, `measure` and
`replay` compare the pipeline with the truth, `verdict` checks what was received, and `show` prints it.
"""
