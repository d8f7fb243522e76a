bridge_SRCS := bridge/bridge.c bridge/bridge_input.c bridge/fdb.c
