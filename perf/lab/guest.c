/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "perf/lab/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "perf/lab/interrupt.h"

#define SLICE_MS 200 /* how soon an interrupt is seen */

static void take_output(const char *method, json_t *params, void *arg)
{
	struct output *out = arg;
	size_t len;
	void *data;

	if (strcmp(method, "guest/exec/output") != 0)
		return;
	data = jsonx_unbase64(jsonx_string(params, "data", ""), &len);
	if (!data)
		return;
	if (strcmp(jsonx_string(params, "stream", "stdout"), "stderr") == 0)
		output_append_error(out, data, len);
	else
		output_append(out, data, len);
	free(data);
}

static int await_end(struct rpc *rpc, unsigned timeout_ms, struct output *out, json_t **result,
		     struct err *e)
{
	uint64_t deadline = clock_now_ms() + timeout_ms;
	int ret;

	for (;;) {
		ret = rpc_receive(rpc, SLICE_MS, take_output, out, result, e);
		if (ret > 0)
			return -EIO;
		if (ret != -EAGAIN)
			return ret;
		if (interrupt_pending())
			return err_set(e, EINTR, "interrupted");
		if (clock_now_ms() >= deadline)
			return err_set(e, ETIMEDOUT, "no end after %g s", timeout_ms / 1e3);
	}
}

static json_t *exec_params(const char *guest, const char *const *argv)
{
	json_t *words = json_array();

	for (; *argv; argv++)
		json_array_append_new(words, json_string(*argv));
	return json_pack("{s:s, s:o}", "guest", guest, "argv", words);
}

int guest_run(struct rpc *rpc, const char *guest, const char *const *argv, unsigned timeout_ms,
	      struct output *out, struct err *e)
{
	json_t *result = NULL;
	int ret;

	*out = (struct output){.text = calloc(1, 1)};
	if (!out->text)
		return err_set(e, ENOMEM, "out of memory");
	ret = rpc_start(rpc, "guest/exec", exec_params(guest, argv), e);
	if (ret == 0)
		ret = await_end(rpc, timeout_ms, out, &result, e);
	if (ret == 0 && json_object_get(result, "signal"))
		out->status = 128 + (int)jsonx_int(result, "signal", 0);
	else if (ret == 0)
		out->status = (int)jsonx_int(result, "exit_status", -1);
	json_decref(result);
	if (ret) {
		output_fini(out);
		return err_prefix(e, ret, "%s in guest %s", argv[0], guest);
	}
	return 0;
}

const json_t *guest_entry(const json_t *list, const char *name)
{
	json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		if (strcmp(jsonx_string(entry, "name", ""), name) == 0)
			return entry;
	return NULL;
}

int guest_address(const json_t *entry, char *buf, size_t size)
{
	json_t *nic;
	size_t i;

	json_array_foreach (json_object_get(entry, "nics"), i, nic) {
		const char *address = jsonx_string(nic, "address", "");

		if (!address[0])
			continue;
		snprintf(buf, size, "%.*s", (int)strcspn(address, "/"), address);
		return 0;
	}
	return -ENOENT;
}
