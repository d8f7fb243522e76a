common_SRCS := common/cksum.c common/err.c common/ip.c common/log.c common/loop.c common/mac.c \
               common/units.c
