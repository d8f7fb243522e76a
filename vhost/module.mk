vhost_SRCS := vhost/features.c vhost/session.c vhost/vhost_port.c vhost/vhost_socket.c \
              vhost/virtqueue.c
