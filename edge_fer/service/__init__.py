"""The daemon: its threads, signals, systemd, and the order in which they start and stop.

Who owns what; docs/architecture.md follows a frame through all packages:

    thread     owns                              module
    camera     the source                        camera_thread: frame → slot
    inference  pipeline, visits, gallery watcher inference_thread: frame → observations → events → messages
    mqtt       the connection                    mqtt.publisher: messages → broker; `publish` only queues
    main       signals, watchdog, first failure  daemon: starts, supervises and stops the others

`LatestSlot` and `Health` are shared and have their own locks. Everything else belongs to one thread.
"""
