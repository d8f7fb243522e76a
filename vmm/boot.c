/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/layout.h"
#include "vmm/passed.h"

enum { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3 };
enum { PAGE_PRESENT = 1, PAGE_WRITE = 2, PAGE_LARGE = 0x80 };

#define E820_N		 8
#define LOADER_UNDEFINED 0xff
#define DIRECTORIES	 4
#define PAGE_BYTES	 0x1000ull
#define LARGE_PAGE_SHIFT 21
#define START_INFO_MAGIC 0x336ec578u

/* Xen's public/arch-x86/hvm/start_info.h, version 1. */
struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};
struct start_module {
	uint64_t address, size, cmdline, reserved;
};
struct start_memmap {
	uint64_t address, size;
	uint32_t type, reserved;
};

struct e820 {
	unsigned n;
	struct boot_e820_entry entries[E820_N];
};

struct initrd {
	uint64_t at, bytes;
};

static void e820_add(struct e820 *map, uint64_t start, uint64_t end, uint32_t type)
{
	if (end > start)
		map->entries[map->n++] = (struct boot_e820_entry){start, end - start, type};
}

static struct e820 memory_map(const struct memory *m)
{
	struct e820 map = {0};

	e820_add(&map, 0, LOW_RAM_END, E820_RAM);
	e820_add(&map, ACPI_AT, ACPI_AT + ACPI_BYTES, E820_ACPI);
	e820_add(&map, HIGH_RAM_START, memory_low_end(m), E820_RAM);
	e820_add(&map, ECAM_START, ECAM_START + ECAM_BYTES, E820_RESERVED);
	if (m->n_regions > 1)
		e820_add(&map, RAM_HOLE_END, RAM_HOLE_END + m->regions[1].bytes, E820_RAM);
	return map;
}

static int cannot_read(const char *path, int code, struct err *e)
{
	return err_set(e, code, "%s: cannot be read: %s", path, strerror(code));
}

int boot_open(const char *path, struct err *e)
{
	bool passed = passed_is(path);
	int fd = passed ? passed_take(path, O_RDONLY, e)
			: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int code = EISDIR;

	if (fd < 0)
		return passed ? fd : cannot_read(path, errno, e);
	if (fstat(fd, &st) < 0)
		code = errno;
	else if (S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return cannot_read(path, code, e);
}

static uint64_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

/* As high as the kernel can take it, so that it is not in the way of what grows from below. */
static int load_initrd(struct initrd *in, const struct kernel *k,
		       const struct boot_params_source *s, const struct memory *m, struct err *e)
{
	uint64_t top = MIN_OF(memory_low_end(m), k->initrd_max + 1);
	int ret;

	in->bytes = size_of(s->initrd);
	in->at = in->bytes < top ? (top - in->bytes) & ~(PAGE_BYTES - 1) : 0;
	if (in->at < k->end)
		return err_set(e, ENOMEM,
			       "too little memory: kernel and initrd need %llu MiB to start and "
			       "the guest has %llu; give it more (--memory)",
			       (unsigned long long)(k->end + in->bytes + (1 << 20) - 1) >> 20,
			       (unsigned long long)m->bytes >> 20);
	ret = memory_load(m, in->at, s->initrd, 0, in->bytes);
	return ret ? cannot_read(s->initrd_name, -ret, e) : 0;
}

static void write_zero_page(const struct kernel *k, const struct memory *m, const struct initrd *in,
			    const struct boot_params_source *s)
{
	struct boot_params *p = memory_at(m, BOOT_PARAMS_AT, sizeof(*p));
	struct e820 map = memory_map(m);

	memset(p, 0, sizeof(*p));
	p->hdr = k->setup;
	p->hdr.type_of_loader = LOADER_UNDEFINED;
	p->hdr.cmd_line_ptr = BOOT_CMDLINE_AT;
	p->hdr.ramdisk_image = (uint32_t)in->at;
	p->hdr.ramdisk_size = (uint32_t)in->bytes;
	p->acpi_rsdp_addr = s->acpi_rsdp;
	p->e820_entries = (uint8_t)map.n;
	memcpy(p->e820_table, map.entries, map.n * sizeof(map.entries[0]));
}

static void write_start_info(const struct memory *m, const struct initrd *in,
			     const struct boot_params_source *s)
{
	struct start_info *info = memory_at(m, BOOT_START_INFO_AT, PAGE_BYTES);
	struct start_module *module = (struct start_module *)(info + 1);
	struct start_memmap *to = (struct start_memmap *)(module + 1);
	struct e820 map = memory_map(m);

	*info = (struct start_info){
		.magic = START_INFO_MAGIC,
		.version = 1,
		.nr_modules = in->bytes ? 1 : 0,
		.modlist = BOOT_START_INFO_AT + sizeof(*info),
		.cmdline = BOOT_CMDLINE_AT,
		.rsdp = s->acpi_rsdp,
		.memmap = BOOT_START_INFO_AT + sizeof(*info) + sizeof(*module),
		.memmap_entries = map.n,
	};
	*module = (struct start_module){.address = in->at, .size = in->bytes};
	for (unsigned i = 0; i < map.n; i++)
		to[i] = (struct start_memmap){map.entries[i].addr, map.entries[i].size,
					      map.entries[i].type, 0};
}

/* Null, null, code, data: selectors 0x10 and 0x18, as the Linux boot protocol names them. */
static void write_gdt(const struct memory *m, enum kernel_entry entry)
{
	uint64_t *gdt = memory_at(m, BOOT_GDT_AT, 4 * sizeof(*gdt));

	gdt[0] = gdt[1] = 0;
	gdt[2] = entry == KERNEL_PVH ? 0x00cf9b000000ffffull : 0x00af9b000000ffffull;
	gdt[3] = 0x00cf93000000ffffull;
}

static void write_page_tables(const struct memory *m)
{
	uint64_t *pml4 = memory_at(m, BOOT_PAGES_AT, (2 + DIRECTORIES) * PAGE_BYTES);
	uint64_t *pdpt = pml4 + 512, *directories = pdpt + 512;

	memset(pml4, 0, 2 * PAGE_BYTES);
	pml4[0] = (BOOT_PAGES_AT + PAGE_BYTES) | PAGE_PRESENT | PAGE_WRITE;
	for (unsigned i = 0; i < DIRECTORIES; i++)
		pdpt[i] = (BOOT_PAGES_AT + (2 + i) * PAGE_BYTES) | PAGE_PRESENT | PAGE_WRITE;
	for (uint64_t i = 0; i < DIRECTORIES * 512; i++)
		directories[i] = i << LARGE_PAGE_SHIFT | PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE;
}

int boot_load(struct kernel *k, const struct memory *m, const struct boot_params_source *s,
	      struct err *e)
{
	struct initrd in = {0};
	size_t len = strlen(s->cmdline);
	int ret;

	if (memory_low_end(m) < 2 * HIGH_RAM_START)
		return err_set(e, ENOMEM,
			       "too little memory: a guest needs 16 MiB and more; give "
			       "it more (--memory)");
	ret = kernel_load(k, s->kernel, m, e);
	if (ret)
		return err_prefix(e, ret, "%s", s->kernel_name);
	ret = s->initrd >= 0 ? load_initrd(&in, k, s, m, e) : 0;
	if (ret)
		return ret;
	if (len > BOOT_CMDLINE_MAX)
		return err_set(e, E2BIG, "the kernel's command line is longer than %d bytes",
			       BOOT_CMDLINE_MAX);
	memcpy(memory_at(m, BOOT_CMDLINE_AT, len + 1), s->cmdline, len + 1);
	write_gdt(m, k->entry);
	if (k->entry == KERNEL_PVH) {
		write_start_info(m, &in, s);
		return 0;
	}
	write_page_tables(m);
	write_zero_page(k, m, &in, s);
	return 0;
}
