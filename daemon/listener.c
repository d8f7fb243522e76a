/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/listener.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define LISTEN_BACKLOG 64

/* Removes what a dead daemon left at the path. Returns 0 when the path is free. */
static int clear_path(const struct sockaddr_un *sa, struct err *e)
{
	const char *path = sa->sun_path;
	struct stat st;
	int fd, code;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, EEXIST, "%s exists and is no socket: move it away", path);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, errno, "cannot make a socket: %s", strerror(errno));
	code = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? errno : 0;
	close(fd);
	if (code == ECONNREFUSED || code == ENOENT) {
		log_info(LOG_CONTROL, "replacing %s, which a dead daemon left", path);
		return unlink(path) < 0 && errno != ENOENT
			       ? err_set(e, errno, "cannot remove %s: %s", path, strerror(errno))
			       : 0;
	}
	if (code && code != EAGAIN)
		return err_set(e, code, "%s is somebody's socket: %s: use another path", path,
			       strerror(code));
	return err_set(
		e, EADDRINUSE,
		"%s is in use: another weftd answers there; stop it (weft -s %s exit) or give "
		"this one a run-dir of its own",
		path, path);
}

static int owner_parse(const char *owner, const char *group, uid_t *uid, gid_t *gid, struct err *e)
{
	const struct passwd *pw = *owner ? getpwnam(owner) : NULL;
	const struct group *gr = *group ? getgrnam(group) : NULL;

	if (*owner && !pw)
		return err_set(e, EINVAL, "the control socket's owner '%s' is no user of this host",
			       owner);
	if (*group && !gr)
		return err_set(e, EINVAL,
			       "the control socket's group '%s' is no group of this host", group);
	*uid = pw ? pw->pw_uid : (uid_t)-1;
	*gid = gr ? gr->gr_gid : (gid_t)-1;
	return 0;
}

static int bind_path(int fd, const struct sockaddr_un *sa, struct err *e)
{
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(e, errno, "cannot make %s: its directory does not exist: create it",
			       sa->sun_path);
	return err_set(e, errno, "cannot make %s: %s", sa->sun_path, strerror(errno));
}

static int give(const char *path, uid_t uid, gid_t gid, mode_t mode, struct err *e)
{
	if (lchown(path, uid, gid) < 0 || chmod(path, mode) < 0)
		return err_set(e, errno, "cannot give %s its owner and mode: %s; run weftd as root",
			       path, strerror(errno));
	return 0;
}

/* Gives the file away before listening: until then a connect is refused, whoever tries. */
static int publish(struct listener *l, uid_t uid, gid_t gid, mode_t mode, struct err *e)
{
	const char *path = l->sa.sun_path;
	struct stat st;
	int ret = give(path, uid, gid, mode, e);

	if (ret < 0)
		return ret;
	if (lstat(path, &st) < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	if (listen(l->fd, LISTEN_BACKLOG) < 0)
		return err_set(e, errno, "cannot listen on %s: %s", path, strerror(errno));
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int listener_open(struct listener *l, const char *path, const char *owner, const char *group,
		  mode_t mode, struct err *e)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int ret;

	*l = (struct listener){.fd = -1, .sa.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(l->sa.sun_path))
		return err_set(e, ENAMETOOLONG,
			       "socket path %s is longer than %zu bytes: shorten the run-dir", path,
			       sizeof(l->sa.sun_path) - 1);
	strcpy(l->sa.sun_path, path);
	ret = owner_parse(owner, group, &uid, &gid, e);
	if (ret == 0)
		ret = clear_path(&l->sa, e);
	if (ret < 0)
		return ret;

	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_set(e, errno, "cannot make a socket: %s", strerror(errno));
	ret = bind_path(l->fd, &l->sa, e);
	if (ret < 0)
		goto err_close;
	ret = publish(l, uid, gid, mode, e);
	if (ret < 0)
		goto err_unlink;
	return 0;

err_unlink:
	unlink(path);
err_close:
	close(l->fd);
	return ret;
}

int listener_give(struct listener *l, const char *owner, const char *group, mode_t mode,
		  struct err *e)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int ret = owner_parse(owner, group, &uid, &gid, e);

	if (ret < 0)
		return ret;
	/* "" is what the process has, also after somebody else had it. */
	return give(l->sa.sun_path, *owner ? uid : geteuid(), *group ? gid : getegid(), mode, e);
}

void listener_close(struct listener *l)
{
	struct stat st;

	close(l->fd);
	if (lstat(l->sa.sun_path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->sa.sun_path);
}
