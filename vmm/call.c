/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/call.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonx.h"
#include "vmm/unix_socket.h"

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

static int send_request(int fd, const char *method, json_t *params)
{
	json_t *request = json_pack("{ss, si, ss, so}", "jsonrpc", "2.0", "id", 1, "method", method,
				    "params", params);
	int ret = request ? json_dumpfd(request, fd, JSON_COMPACT) : -1;

	json_decref(request);
	return ret < 0 || write(fd, "\n", 1) != 1 ? -EIO : 0;
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

int call_main(int argc, char **argv, struct err *e)
{
	json_t *params, *answer;
	int fd, ret;

	if (argc < 2)
		return err_set(e, EINVAL, "call: SOCKET METHOD [KEY=VALUE]... is wanted");
	params = read_params(argc - 2, argv + 2, e);
	if (!params)
		return -EINVAL;
	fd = unix_connect(argv[0], e);
	if (fd < 0) {
		json_decref(params);
		return fd;
	}
	ret = send_request(fd, argv[1], params);
	answer = ret ? NULL : json_loadfd(fd, JSON_DISABLE_EOF_CHECK, NULL);
	ret = answer ? print_answer(answer, e)
		     : err_set(e, EIO, "%s: no answer; is it the API socket of a weft-vmm?",
			       argv[0]);
	json_decref(answer);
	close(fd);
	return ret;
}
