dataplane_SRCS := dataplane/copy.c dataplane/dataplane.c dataplane/drop.c dataplane/eal.c \
                  dataplane/frame.c dataplane/gso.c dataplane/pipeline.c dataplane/port.c \
                  dataplane/worker.c
