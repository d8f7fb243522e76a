/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/example.h"

/* The file is read when this one is compiled; module.mk holds the dependency. */
__asm__(".section .rodata\n"
	".type config_example_text, @object\n"
	"config_example_text:\n"
	".incbin \"config/example.yaml\"\n"
	"config_example_end:\n"
	".byte 0\n"
	".size config_example_text, . - config_example_text\n"
	".previous\n");

extern const char config_example_text[], config_example_end[];

const char *config_example(size_t *len)
{
	*len = (size_t)(config_example_end - config_example_text);
	return config_example_text;
}
