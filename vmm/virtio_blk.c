/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * virtio-blk (VIRTIO 1.2, 5.2) on a raw file or block device, one queue. A thread of its own serves
 * the ring, so that a slow disk holds up nothing else; it needs no lock of the machine's,
 * because between start and stop nobody else touches the ring.
 *
 * The file is locked for as long as the device lives: one writer, or any number of readers. When a
 * guest migrates, the lock goes with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/device.h"
#include "vmm/passed.h"
#include "vmm/sandbox.h"
#include "vmm/virtq.h"

#define CLASS_SCSI	 0x010000
#define SECTOR		 512
#define QUEUE_SIZE	 256
#define SEGMENTS_MAX	 (VIRTQ_IOV_MAX - 2)
#define DISCARD_SECTORS	 (1u << 22) /* 2 GiB at a time */
#define DISCARD_SEGMENTS 1
#define DIRECT_ALIGN	 4096
#define BOUNCE_MAX	 (1u << 20)

struct virtio_blk {
	struct virtio d; /* first */
	int fd, stop_fd;
	bool readonly, is_file;
	uint64_t bytes;
	struct virtio_blk_config config;
	char serial[VIRTIO_BLK_ID_BYTES + 1];
	void *bounce; /* for O_DIRECT and buffers that it does not take */
	pthread_t thread;
	pthread_mutex_t lock; /* of the two below */
	pthread_cond_t changed;
	enum { DISK_IDLE, DISK_RUNNING, DISK_ENDING } state;
	bool has_thread;
	struct virtq vq; /* w, r: the thread, while DISK_RUNNING */
};

static struct virtio_blk *blk_of(struct virtio *d)
{
	return container_of(d, struct virtio_blk, d);
}

/* --- requests ------------------------------------------------------------------------------------
 */

/* The buffers of a chain from byte `offset` on, `len` bytes of them. Returns how many. */
static unsigned slice(const struct iovec *from, unsigned n, size_t offset, size_t len,
		      struct iovec *to)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n && len; i++) {
		size_t part;

		if (offset >= from[i].iov_len) {
			offset -= from[i].iov_len;
			continue;
		}
		part = MIN_OF(from[i].iov_len - offset, len);
		to[k++] = (struct iovec){(uint8_t *)from[i].iov_base + offset, part};
		offset = 0;
		len -= part;
	}
	return k;
}

static bool in_range(const struct virtio_blk *b, uint64_t sector, uint64_t bytes)
{
	return sector <= b->bytes / SECTOR && bytes <= b->bytes - sector * SECTOR;
}

static ssize_t transfer(struct virtio_blk *b, bool out, const struct iovec *iov, unsigned n,
			uint64_t at)
{
	ssize_t done;

	do
		done = out ? pwritev(b->fd, iov, (int)n, (off_t)at)
			   : preadv(b->fd, iov, (int)n, (off_t)at);
	while (done < 0 && errno == EINTR);
	return done;
}

/* As transfer, through memory of ours: buffers of the guest's may lie as O_DIRECT does not like. */
static ssize_t transfer_bounced(struct virtio_blk *b, bool out, const struct virtq_chain *c,
				size_t skip, size_t done, size_t left, uint64_t at)
{
	size_t part = MIN_OF(left, BOUNCE_MAX);
	struct iovec iov = {b->bounce, part};
	ssize_t n;

	if (out)
		virtq_read(c, skip + done, b->bounce, part);
	n = transfer(b, out, &iov, 1, at);
	if (!out && n > 0)
		virtq_write(c, done, b->bounce, (size_t)n);
	return n;
}

static uint8_t move(struct virtio_blk *b, bool out, const struct virtq_chain *c, uint64_t sector)
{
	size_t skip = out ? sizeof(struct virtio_blk_outhdr) : 0;
	size_t bytes = (size_t)(out ? c->out_bytes - skip : c->in_bytes - 1), done = 0;
	struct iovec iov[VIRTQ_IOV_MAX];

	if (bytes % SECTOR || !in_range(b, sector, bytes))
		return VIRTIO_BLK_S_IOERR;
	while (done < bytes) {
		uint64_t at = sector * SECTOR + done;
		unsigned k = out ? slice(c->iov, c->n_out, skip + done, bytes - done, iov)
				 : slice(c->iov + c->n_out, c->n_in, done, bytes - done, iov);
		ssize_t n = transfer(b, out, iov, k, at);

		if (n < 0 && errno == EINVAL && b->bounce)
			n = transfer_bounced(b, out, c, skip, done, bytes - done, at);
		if (n <= 0)
			return VIRTIO_BLK_S_IOERR;
		done += (size_t)n;
	}
	return VIRTIO_BLK_S_OK;
}

static int punch(struct virtio_blk *b, uint64_t at, uint64_t len)
{
	uint64_t range[] = {at, len};

	if (!b->is_file)
		return ioctl(b->fd, BLKDISCARD, range);
	return fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)len);
}

/* A hole reads as zeroes in a file; what cannot be punched is only advice to a disk. */
static uint8_t discard(struct virtio_blk *b, const struct virtq_chain *c)
{
	struct virtio_blk_discard_write_zeroes seg;

	if (c->out_bytes != sizeof(struct virtio_blk_outhdr) + sizeof(seg))
		return VIRTIO_BLK_S_UNSUPP;
	virtq_read(c, sizeof(struct virtio_blk_outhdr), &seg, sizeof(seg));
	if (seg.flags || seg.num_sectors > DISCARD_SECTORS ||
	    !in_range(b, seg.sector, (uint64_t)seg.num_sectors * SECTOR))
		return VIRTIO_BLK_S_UNSUPP;
	if (punch(b, seg.sector * SECTOR, (uint64_t)seg.num_sectors * SECTOR) < 0 &&
	    errno != EOPNOTSUPP)
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

static uint8_t execute(struct virtio_blk *b, const struct virtq_chain *c, uint32_t *written)
{
	struct virtio_blk_outhdr h;
	uint8_t status;

	*written = 1;
	if (virtq_read(c, 0, &h, sizeof(h)) != sizeof(h))
		return VIRTIO_BLK_S_IOERR;
	switch (h.type) {
	case VIRTIO_BLK_T_IN:
		status = move(b, false, c, h.sector);
		*written = status == VIRTIO_BLK_S_OK ? (uint32_t)c->in_bytes : 1;
		return status;
	case VIRTIO_BLK_T_OUT:
		return b->readonly ? VIRTIO_BLK_S_IOERR : move(b, true, c, h.sector);
	case VIRTIO_BLK_T_FLUSH:
		return fdatasync(b->fd) < 0 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
		return b->readonly ? VIRTIO_BLK_S_IOERR : discard(b, c);
	case VIRTIO_BLK_T_GET_ID:
		*written = 1 + (uint32_t)virtq_write(
				       c, 0, b->serial,
				       MIN_OF((size_t)VIRTIO_BLK_ID_BYTES, c->in_bytes - 1));
		return VIRTIO_BLK_S_OK;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* The last byte that can be written is the status. */
static void serve(struct virtio_blk *b, const struct virtq_chain *c)
{
	uint32_t written = 0;
	uint8_t status;

	if (c->in_bytes) {
		status = execute(b, c, &written);
		virtq_write(c, c->in_bytes - 1, &status, 1);
	}
	virtq_push(&b->vq, c, written);
}

static void serve_all(struct virtio_blk *b)
{
	struct virtq_chain c;

	do {
		while (virtq_pop(&b->vq, &c) > 0)
			serve(b, &c);
	} while (virtq_arm(&b->vq));
}

static void serve_until_stop(struct virtio_blk *b)
{
	struct pollfd fds[] = {{.fd = b->stop_fd, .events = POLLIN},
			       {.fd = b->d.queues[0].kick_fd, .events = POLLIN}};
	uint64_t count;

	do {
		(void)!read(fds[1].fd, &count, sizeof(count));
		serve_all(b);
		while (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR)
			;
	} while (!fds[0].revents);
	(void)!read(fds[0].fd, &count, sizeof(count));
}

static void *thread_main(void *arg)
{
	struct virtio_blk *b = arg;
	bool first = true;

	pthread_setname_np(pthread_self(), "disk");
	pthread_mutex_lock(&b->lock);
	while (b->state != DISK_ENDING) {
		if (b->state == DISK_IDLE) {
			pthread_cond_wait(&b->changed, &b->lock);
			continue;
		}
		pthread_mutex_unlock(&b->lock);
		if (first)
			sandbox_enter(SANDBOX_DISK);
		first = false;
		serve_until_stop(b);
		pthread_mutex_lock(&b->lock);
		b->state = DISK_IDLE;
		pthread_cond_broadcast(&b->changed);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void set_state(struct virtio_blk *b, int state)
{
	pthread_mutex_lock(&b->lock);
	b->state = state;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

/* --- the device ----------------------------------------------------------------------------------
 */

static int start(struct virtio *d)
{
	struct virtio_blk *b = blk_of(d);
	int ret = d->queues[0].enabled ? virtq_start(&b->vq, d, 0) : -EINVAL;

	if (!ret)
		set_state(b, DISK_RUNNING);
	return ret;
}

/* Waits for the request in hand. */
static void stop(struct virtio *d)
{
	struct virtio_blk *b = blk_of(d);
	const uint64_t one = 1;

	(void)!write(b->stop_fd, &one, sizeof(one));
	pthread_mutex_lock(&b->lock);
	while (b->state == DISK_RUNNING)
		pthread_cond_wait(&b->changed, &b->lock);
	pthread_mutex_unlock(&b->lock);
}

static void resume(struct virtio *d)
{
	set_state(blk_of(d), DISK_RUNNING);
}

static void save(const struct virtio *d, struct state_writer *w)
{
	const struct virtio_blk *b = container_of(d, const struct virtio_blk, d);

	state_put_u64(w, b->bytes);
	virtq_save(&b->vq, d, 0, w);
}

static int load(struct virtio *d, struct state_reader *r, struct err *e)
{
	struct virtio_blk *b = blk_of(d);
	uint64_t bytes = state_get_u64(r);

	if (bytes != b->bytes)
		return err_set(e, ENOTSUP,
			       "the guest's disk has %llu bytes, this one %llu; give it the same",
			       (unsigned long long)bytes, (unsigned long long)b->bytes);
	return virtq_load(&b->vq, d, 0, r, e);
}

static void destroy(struct virtio *d)
{
	struct virtio_blk *b = blk_of(d);

	virtio_fini(d);
	if (b->has_thread) {
		set_state(b, DISK_ENDING);
		pthread_join(b->thread, NULL);
	}
	if (b->fd >= 0)
		close(b->fd);
	if (b->stop_fd >= 0)
		close(b->stop_fd);
	free(b->bounce);
	free(b);
}

static const struct virtio_ops blk_ops = {
	.start = start,
	.stop = stop,
	.destroy = destroy,
	.suspend = stop,
	.resume = resume,
	.save = save,
	.load = load,
};

/* --- the file ------------------------------------------------------------------------------------
 */

static int lock_file(int fd, bool readonly, const char *name, struct err *e)
{
	struct flock lock = {.l_type = readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(e, EBUSY,
			       "%s: in use by another process; stop it, or use the image read-only "
			       "in both (,ro)",
			       name);
	return err_set(e, errno, "%s: cannot be locked: %s", name, strerror(errno));
}

int virtio_blk_lock(struct virtio *d, struct err *e)
{
	struct virtio_blk *b = blk_of(d);

	return lock_file(b->fd, b->readonly, b->serial, e);
}

void virtio_blk_unlock(struct virtio *d)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	fcntl(blk_of(d)->fd, F_OFD_SETLK, &lock);
}

static int check_format(int fd, const char *path, struct err *e)
{
	char magic[4] = "";

	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, "QFI\xfb", 4) == 0)
		return err_set(e, EINVAL,
			       "%s: a qcow2 image; weft-vmm reads raw ones: convert it (qemu-img "
			       "convert -O raw), or use engine: qemu",
			       path);
	return 0;
}

static int measure(struct virtio_blk *b, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(b->fd, &st) < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	b->is_file = S_ISREG(st.st_mode);
	if (b->is_file)
		b->bytes = (uint64_t)st.st_size;
	else if (!S_ISBLK(st.st_mode) || ioctl(b->fd, BLKGETSIZE64, &b->bytes) < 0)
		return err_set(e, EINVAL, "%s: neither a file nor a block device", path);
	return 0;
}

static int open_disk(struct virtio_blk *b, const struct disk_params *p, struct err *e)
{
	int mode = p->readonly ? O_RDONLY : O_RDWR, ret;
	bool passed = passed_is(p->path);

	/* The magic is read by a page-cached descriptor: O_DIRECT has its wishes. */
	b->fd = passed ? passed_take(p->path, mode, e) : open(p->path, mode | O_CLOEXEC);
	if (b->fd < 0)
		return passed ? b->fd
			      : err_set(e, errno, "%s: cannot be opened: %s", p->path,
					strerror(errno));
	ret = p->locked_later ? 0 : lock_file(b->fd, p->readonly, p->path, e);
	ret = ret ?: check_format(b->fd, p->path, e) ?: measure(b, p->path, e);
	if (ret || !p->direct)
		return ret;
	if (fcntl(b->fd, F_SETFL, O_DIRECT) < 0)
		return err_set(e, errno, "%s: its file system has no O_DIRECT; leave out ,direct",
			       p->path);
	b->bounce = aligned_alloc(DIRECT_ALIGN, BOUNCE_MAX);
	return b->bounce ? 0 : err_set(e, ENOMEM, "out of memory");
}

static void describe(struct virtio_blk *b, const struct disk_params *p)
{
	const char *name = strrchr(p->path, '/');

	b->readonly = p->readonly;
	b->config.capacity = b->bytes / SECTOR;
	b->config.seg_max = SEGMENTS_MAX;
	b->config.max_discard_sectors = DISCARD_SECTORS;
	b->config.max_discard_seg = DISCARD_SEGMENTS;
	b->config.discard_sector_alignment = 1;
	name = name ? name + 1 : p->path;
	memcpy(b->serial, name, MIN_OF(strlen(name), (size_t)VIRTIO_BLK_ID_BYTES));
}

static int init_device(struct virtio_blk *b, const struct device_env *env, struct err *e)
{
	const struct virtio_params params = {
		.type = VIRTIO_ID_BLOCK,
		.class_code = CLASS_SCSI,
		.features = VIRTIO_FEATURES_OF_RINGS | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |
			    VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) |
			    VIRTIO_BIT(b->readonly ? VIRTIO_BLK_F_RO : VIRTIO_BLK_F_DISCARD),
		.config_at = offsetof(struct virtio_blk, config),
		.config_bytes = sizeof(b->config),
		.n_queues = 1,
		.queue_size = QUEUE_SIZE,
	};

	return virtio_init(&b->d, &params, &blk_ops, env->hv, env->mem, e);
}

struct virtio *virtio_blk_create(const struct device_env *env, const struct disk_params *p,
				 struct err *e)
{
	struct virtio_blk *b = calloc(1, sizeof(*b));
	int ret;

	if (!b) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->changed, NULL);
	b->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = open_disk(b, p, e);
	if (!ret) {
		describe(b, p);
		ret = init_device(b, env, e);
	}
	if (!ret) {
		ret = pthread_create(&b->thread, NULL, thread_main, b);
		b->has_thread = ret == 0;
	}
	if (!ret)
		return &b->d;
	destroy(&b->d);
	return NULL;
}
