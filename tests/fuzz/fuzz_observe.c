/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What people and programs from outside send to look at weftd: the first byte chooses the parser,
 * an HTTP request's, a packet's words, or a pcapng block's.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/pcapng.h"
#include "daemon/http.h"
#include "daemon/packet_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(const char *text, size_t len)
{
	struct http_request r;
	int n = http_request_parse(text, len, &r);

	if (n > (int)len || memchr(r.path, '?', strlen(r.path)))
		abort();
}

static void words(char *text)
{
	static struct text_packet packet;
	const char *list[PACKET_TEXT_WORDS_MAX];
	unsigned n = 0;
	struct err e;
	char *save;

	for (char *word = strtok_r(text, " ", &save); word && n < PACKET_TEXT_WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		list[n++] = word;
	if (packet_text_parse(&packet, list, n, &e) == 0 && packet.len > sizeof(packet.bytes))
		abort();
}

static void blocks(const char *data, size_t len)
{
	struct pcapng_block b;
	int n;

	while ((n = pcapng_read(data, len, &b)) > 0) {
		if ((size_t)n > len || b.packet.cap_len > len)
			abort();
		data += n;
		len -= (size_t)n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] % 3 == 0)
		request(text, size - 1);
	else if (data[0] % 3 == 1)
		words(text);
	else
		blocks(text, size - 1);
	free(text);
	return 0;
}
