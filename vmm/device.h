/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_DEVICE_H
#define VMM_DEVICE_H

/*
 * The devices that a machine is put together from. Each creator returns a device that sits in no
 * slot yet, or NULL with the reason in `e`; `ops->destroy` frees it, with everything it opened.
 */

#include "common/loop.h"
#include "common/mac.h"
#include "vmm/stream.h"
#include "vmm/virtio.h"

struct device_env {
	struct hv *hv;
	const struct memory *mem;
	struct loop *loop;
};

/* A queue that is served by the loop: `kicked` runs when the guest rang its doorbell. */
struct device_queue {
	struct loop_watch watch;
	struct virtio *device;
	void (*kicked)(struct virtio *d, unsigned queue);
	unsigned queue;
};
/* virtio_init must have been called. device_queue_fini accepts one that was never added. */
int device_queue_init(struct device_queue *q, struct loop *loop, struct virtio *d, unsigned queue,
		      void (*kicked)(struct virtio *d, unsigned queue), struct err *e);
void device_queue_fini(struct device_queue *q);
/* Has `kicked` run once more, when a queue became ready for what was kicked before. */
void device_queue_again(struct device_queue *q);

struct disk_params {
	const char *path;
	bool readonly, direct;
	bool locked_later; /* by virtio_blk_lock */
};
struct virtio *virtio_blk_create(const struct device_env *env, const struct disk_params *p,
				 struct err *e);

/* -EBUSY: somebody else has the image. The device is suspended, or was never started. */
int virtio_blk_lock(struct virtio *d, struct err *e);
void virtio_blk_unlock(struct virtio *d);

/* A port with a name, at the guest's /dev/virtio-ports/NAME; `where` as for stream_open. */
struct virtio *virtio_console_create(const struct device_env *env, const char *name,
				     const char *where, struct err *e);

struct virtio *virtio_rng_create(const struct device_env *env, struct err *e);

struct balloon_params {
	bool reporting; /* free-page reporting, too */
	/* The guest moved towards the size it was asked for. From the loop. May be NULL. */
	void (*changed)(struct virtio *d, void *arg);
	void *arg;
};
struct virtio *virtio_balloon_create(const struct device_env *env, const struct balloon_params *p,
				     struct err *e);
/* Asks the guest to go on with `bytes` of memory, at most all that it was given. */
void virtio_balloon_set(struct virtio *d, uint64_t bytes);
/* Memory that is to be left to the guest, and that is, by its own account; bytes. */
struct balloon_info {
	uint64_t target, actual;
};
void virtio_balloon_info(const struct virtio *d, struct balloon_info *info);

struct nic_params {
	const char *id;	  /* by which it is unplugged */
	const char *path; /* vhost-user socket; */
	const char *tap;  /* or an interface of the host */
	bool listens;	  /* the backend connects to us */
	struct mac mac;
	unsigned mtu; /* 0: not told */
	unsigned pairs;
	bool packed, tso, csum;
	/* The first backend has come: the guest may see the NIC. NULL: nobody waits for that. */
	void (*ready)(struct virtio *d, void *arg);
	void *arg;
};
struct virtio *virtio_net_create(const struct device_env *env, const struct nic_params *p,
				 struct err *e);
struct virtio *virtio_tap_create(const struct device_env *env, const struct nic_params *p,
				 struct err *e);

/* What a vhost-user NIC tells of itself. */
struct nic_info {
	bool connected;	   /* now */
	unsigned sessions; /* backends that came so far */
	char error[200];   /* why the last one was of no use; "" */
};
void virtio_net_info(struct virtio *d, struct nic_info *info);
/* -ENOTSUP: its backend cannot keep a log of the pages that it writes, as a migration needs. */
int virtio_net_can_log(struct virtio *d, struct err *e);

/* What has to be the same where a guest's NIC goes on, in a machine's state; -ENOTSUP. */
struct virtio_net_config;
void nic_save_config(const struct virtio_net_config *c, struct state_writer *w);
int nic_load_config(const struct virtio_net_config *own, struct state_reader *r, struct err *e);

#endif
