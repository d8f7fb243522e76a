/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The frame parser of the agent channel, which both sides feed with their enemy's bytes. The first
 * byte chooses how the rest is cut into reads and whether the parser hunts; whatever the cuts, the
 * same frames have to come out as from one read, each with a length its type may have.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/agent_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
	uint64_t hash;
	unsigned frames;
};

static void mix(struct digest *d, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		d->hash = (d->hash ^ p[i]) * 0x100000001b3ull;
}

static int take(const struct agent_frame *f, void *arg)
{
	const char *argv[AGENT_EXEC_WORDS_MAX + 1];
	struct digest *d = arg;
	unsigned flags;

	if (f->len > AGENT_PAYLOAD_MAX || f->type == AGENT_PAD || f->type >= AGENT_TYPE_N)
		abort();
	if (f->type == AGENT_EXEC && agent_exec_parse(f, argv, &flags) > 0)
		for (unsigned i = 0; argv[i]; i++)
			mix(d, argv[i], strlen(argv[i]) + 1);
	mix(d, &f->id, sizeof(f->id));
	mix(d, f->payload, f->len);
	d->frames++;
	return 0;
}

static int parse(const uint8_t *data, size_t size, size_t step, bool hunting, struct digest *d)
{
	static struct agent_parser parser;
	int ret = 0;

	*d = (struct digest){0};
	agent_parser_init(&parser, hunting);
	for (size_t at = 0; at < size && ret == 0; at += step)
		ret = agent_parser_input(&parser, data + at, step < size - at ? step : size - at,
					 take, d);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole, cut;
	int whole_ret, cut_ret;

	if (size < 2)
		return 0;
	whole_ret = parse(data + 1, size - 1, size, data[0] & 1, &whole);
	cut_ret = parse(data + 1, size - 1, 1 + (data[0] >> 1), data[0] & 1, &cut);
	if (whole_ret != cut_ret || whole.frames != cut.frames || whole.hash != cut.hash)
		abort();
	return 0;
}
