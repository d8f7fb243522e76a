/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/kernel.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vmm/layout.h"

#define SETUP_AT	 0x1f1 /* of struct setup_header in a bzImage */
#define SETUP_MAGIC	 0x53726448u
#define SETUP_BOOT_FLAG	 0xaa55
#define PROTOCOL_MIN	 0x20c
#define ENTRY_64	 0x200
#define SECTOR		 512
#define SETUP_SECTS_NONE 4 /* what 0 means */
#define INITRD_MAX_ELF	 0x7fffffffull
#define NOTE_PVH_ENTRY	 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define SEGMENTS_MAX	 64

static int no_kernel(struct err *e, const char *why)
{
	return err_set(e, ENOEXEC, "%s", why);
}

static int too_little(struct err *e, uint64_t end, const struct memory *m)
{
	return err_set(e, ENOMEM,
		       "too little memory: the kernel needs %llu MiB to start and the guest has "
		       "%llu; give it more (--memory)",
		       (unsigned long long)(end + (1 << 20) - 1) >> 20,
		       (unsigned long long)m->bytes >> 20);
}

/* The bytes of the setup header that the image has; a newer one is longer than ours. */
static void copy_setup(struct setup_header *h, const uint8_t *image)
{
	size_t len = 0x202 - SETUP_AT + image[0x201];

	memset(h, 0, sizeof(*h));
	memcpy(h, image + SETUP_AT, MIN_OF(len, sizeof(*h)));
}

static int check_setup(const struct setup_header *h, struct err *e)
{
	if (h->version < PROTOCOL_MIN || !(h->loadflags & LOADED_HIGH) ||
	    !(h->xloadflags & XLF_KERNEL_64))
		return no_kernel(e, "the kernel has no 64-bit entry; take an x86-64 kernel of "
				    "Linux 3.8 or newer, or engine: qemu");
	if (h->pref_address < HIGH_RAM_START)
		return no_kernel(e, "the kernel wants to be below 1 MiB; is it a Linux kernel?");
	return 0;
}

static int load_bzimage(struct kernel *k, const uint8_t *image, uint64_t size,
			const struct memory *m, struct err *e)
{
	struct setup_header *h = &k->setup;
	uint64_t setup_bytes, bytes, end;
	uint8_t *to;
	int ret;

	copy_setup(h, image);
	ret = check_setup(h, e);
	if (ret)
		return ret;
	setup_bytes = (uint64_t)((h->setup_sects ?: SETUP_SECTS_NONE) + 1) * SECTOR;
	if (setup_bytes + ENTRY_64 >= size)
		return no_kernel(e, "the kernel's file is cut short; copy it again");
	bytes = size - setup_bytes;
	end = h->pref_address + MAX_OF((uint64_t)h->init_size, bytes);
	to = end < h->pref_address ? NULL : memory_at(m, h->pref_address, end - h->pref_address);
	if (!to)
		return too_little(e, end, m);
	memcpy(to, image + setup_bytes, bytes);
	k->entry = KERNEL_LINUX64;
	k->start = h->pref_address + ENTRY_64;
	k->first = h->pref_address;
	k->end = end;
	k->initrd_max = h->initrd_addr_max;
	return 0;
}

static int load_segment(struct kernel *k, const Elf64_Phdr *p, const uint8_t *image, uint64_t size,
			const struct memory *m, struct err *e)
{
	uint8_t *to;

	if (p->p_filesz > p->p_memsz || p->p_offset > size || p->p_filesz > size - p->p_offset)
		return no_kernel(e, "the kernel's file is cut short; copy it again");
	if (p->p_paddr < HIGH_RAM_START)
		return no_kernel(e, "the kernel wants to be below 1 MiB; is it a Linux kernel?");
	to = memory_at(m, p->p_paddr, p->p_memsz);
	if (!to)
		return too_little(e, p->p_paddr + MIN_OF(p->p_memsz, 1ull << 40), m);
	memcpy(to, image + p->p_offset, p->p_filesz);
	memset(to + p->p_filesz, 0, p->p_memsz - p->p_filesz);
	k->first = MIN_OF(k->first, p->p_paddr);
	k->end = MAX_OF(k->end, p->p_paddr + p->p_memsz);
	return 0;
}

static uint64_t padded(uint32_t len)
{
	return ((uint64_t)len + 3) & ~3ull;
}

/* Looks for Xen's note with the 32-bit entry in a segment of notes. */
static void find_pvh(struct kernel *k, const uint8_t *notes, uint64_t size)
{
	Elf64_Nhdr n;
	uint64_t len;
	uint32_t entry;

	for (; size >= sizeof(n); notes += len, size -= len) {
		memcpy(&n, notes, sizeof(n));
		len = sizeof(n) + padded(n.n_namesz) + padded(n.n_descsz);
		if (len > size)
			return;
		if (n.n_type != NOTE_PVH_ENTRY || n.n_namesz != 4 || n.n_descsz < sizeof(entry) ||
		    memcmp(notes + sizeof(n), "Xen", 4) != 0)
			continue;
		memcpy(&entry, notes + sizeof(n) + 4, sizeof(entry));
		k->entry = KERNEL_PVH;
		k->start = entry;
	}
}

static int load_headers(struct kernel *k, const Elf64_Ehdr *h, const uint8_t *image, uint64_t size,
			const struct memory *m, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; i < h->e_phnum && ret == 0; i++) {
		Elf64_Phdr p;

		memcpy(&p, image + h->e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD && p.p_memsz)
			ret = load_segment(k, &p, image, size, m, e);
		else if (p.p_type == PT_NOTE && p.p_offset <= size &&
			 p.p_filesz <= size - p.p_offset)
			find_pvh(k, image + p.p_offset, p.p_filesz);
	}
	return ret;
}

static int load_elf(struct kernel *k, const uint8_t *image, uint64_t size, const struct memory *m,
		    struct err *e)
{
	Elf64_Ehdr h;
	int ret;

	memcpy(&h, image, sizeof(h));
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64)
		return no_kernel(e, "the kernel has no 64-bit entry: its ELF file is for another "
				    "processor; take an x86-64 kernel");
	if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum > SEGMENTS_MAX || h.e_phoff > size ||
	    h.e_phnum * sizeof(Elf64_Phdr) > size - h.e_phoff)
		return no_kernel(e, "the kernel's file is cut short; copy it again");
	k->entry = KERNEL_LINUX64;
	k->start = h.e_entry;
	k->first = UINT64_MAX;
	ret = load_headers(k, &h, image, size, m, e);
	if (ret)
		return ret;
	if (k->start < k->first || k->start >= k->end)
		return no_kernel(e, "the kernel's entry is not in what it loads; is it a kernel?");
	k->initrd_max = INITRD_MAX_ELF;
	k->setup.boot_flag = SETUP_BOOT_FLAG;
	k->setup.header = SETUP_MAGIC;
	k->setup.kernel_alignment = 0x1000000;
	return 0;
}

int kernel_load(struct kernel *k, const uint8_t *image, uint64_t size, const struct memory *m,
		struct err *e)
{
	uint32_t magic = 0;

	*k = (struct kernel){0};
	if (size >= sizeof(Elf64_Ehdr) && memcmp(image, ELFMAG, SELFMAG) == 0)
		return load_elf(k, image, size, m, e);
	if (size > SETUP_AT + sizeof(struct setup_header) + 256)
		memcpy(&magic, image + 0x202, sizeof(magic));
	if (magic == SETUP_MAGIC)
		return load_bzimage(k, image, size, m, e);
	return no_kernel(e, "neither a bzImage nor an ELF file; --kernel takes a Linux kernel");
}
