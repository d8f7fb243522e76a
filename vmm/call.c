/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/call.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/jsonx.h"
#include "vmm/unix_socket.h"

/*
 * A file or a connection that goes along with the request, because who obeys it may open nothing. A
 * file has another name until it is complete.
 */
struct passenger {
	int fd;		  /* -1: there is none */
	const char *path; /* of the file, or NULL */
	char part[4096];  /* its name for the time being */
};

static json_t *read_params(int argc, char **argv, struct err *e)
{
	json_t *params = json_object();

	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (!value) {
			err_set(e, EINVAL, "%s: KEY=VALUE is wanted", argv[i]);
			json_decref(params);
			return NULL;
		}
		json_object_setn_new(params, argv[i], (size_t)(value - argv[i]),
				     json_string(value + 1));
	}
	return params;
}

static int open_file(struct passenger *p, const char *path, struct err *e)
{
	if (!path)
		return err_set(e, EINVAL, "path=FILE is missing");
	if ((size_t)snprintf(p->part, sizeof(p->part), "%s.part", path) >= sizeof(p->part))
		return err_set(e, ENAMETOOLONG, "%s: the path is too long", path);
	p->fd = open(p->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return err_set(e, errno, "%s: cannot be written: %s", p->part, strerror(errno));
	p->path = path;
	return 0;
}

static int board(struct passenger *p, const char *method, json_t *params, struct err *e)
{
	const char *to = jsonx_string(params, "to", NULL);

	p->fd = -1;
	p->path = NULL;
	if (strcmp(method, "snapshot") == 0)
		return open_file(p, jsonx_string(params, "path", NULL), e);
	if (strcmp(method, "migrate") != 0)
		return 0;
	if (!to)
		return err_set(e, EINVAL, "to=SOCKET is missing, of a weft-vmm --incoming");
	p->fd = unix_connect(to, e);
	return MIN_OF(p->fd, 0);
}

/* `ret`: how it went. */
static int leave(struct passenger *p, int ret, struct err *e)
{
	if (p->fd >= 0)
		close(p->fd);
	if (!p->path)
		return ret;
	if (!ret && rename(p->part, p->path) < 0)
		ret = err_set(e, errno, "%s: %s", p->path, strerror(errno));
	if (ret)
		unlink(p->part);
	return ret;
}

static int send_text(int fd, const char *text, size_t len, int passed_fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {(void *)(uintptr_t)text, len};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

	if (passed_fd >= 0) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		h.msg_control = control;
		h.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed_fd, sizeof(passed_fd));
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EIO;
}

static int send_request(int fd, const char *method, json_t *params, int passed_fd)
{
	json_t *request = json_pack("{ss, si, ss, sO}", "jsonrpc", "2.0", "id", 1, "method", method,
				    "params", params);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	int ret = -ENOMEM;

	if (text) {
		text[len++] = '\n'; /* where the NUL was */
		ret = send_text(fd, text, len, passed_fd);
	}
	free(text);
	json_decref(request);
	return ret;
}

/* Notifications may come before the answer. */
static json_t *read_answer(int fd)
{
	json_t *answer;

	while ((answer = json_loadfd(fd, JSON_DISABLE_EOF_CHECK, NULL)) &&
	       !json_object_get(answer, "id"))
		json_decref(answer);
	return answer;
}

static int print_answer(const json_t *answer, struct err *e)
{
	const json_t *error = json_object_get(answer, "error");

	if (error)
		return err_set(e, EREMOTEIO, "%s", jsonx_string(error, "message", "refused"));
	json_dumpf(json_object_get(answer, "result"), stdout, JSON_INDENT(2));
	putchar('\n');
	return 0;
}

static int call(int fd, const char *name, const char *method, json_t *params, int passed_fd,
		struct err *e)
{
	int ret = send_request(fd, method, params, passed_fd);
	json_t *answer = ret ? NULL : read_answer(fd);

	ret = answer ? print_answer(answer, e)
		     : err_set(e, EIO, "%s: no answer; is it the API socket of a weft-vmm?", name);
	json_decref(answer);
	return ret;
}

int call_main(int argc, char **argv, struct err *e)
{
	struct passenger p;
	json_t *params;
	int fd, ret;

	if (argc < 2)
		return err_set(e, EINVAL, "call: SOCKET METHOD [KEY=VALUE]... is wanted");
	params = read_params(argc - 2, argv + 2, e);
	if (!params)
		return -EINVAL;
	fd = unix_connect(argv[0], e);
	ret = fd < 0 ? fd : board(&p, argv[1], params, e);
	if (!ret)
		ret = leave(&p, call(fd, argv[0], argv[1], params, p.fd, e), e);
	if (fd >= 0)
		close(fd);
	json_decref(params);
	return ret;
}
