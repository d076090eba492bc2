// A stand-in for the kernel's VFIO files, preloaded into a Node process, for what needs no device: how errno becomes a
// code, how answers are read, how interrupts are carried and given up. It proves nothing of a device or an IOMMU; the
// virtual bench does that with the kernel's own VFIO. Layouts are the distribution's, not the addon's.
//
// Groups: /dev/vfio/1 is fine, /dev/vfio/2 is not viable, /dev/vfio/1NN fails to open with errno NN.
// The device "gone" does not exist. Its region 0 is a page that may be mapped, 1 is sparse, 2 has a chain of
// capabilities that leads outside, 3 one that goes in circles, 4 a list of areas that lie outside or wrap, 5 an empty
// one; 7 is config space. A mapping whose iova is at or above 2^63 fails with errno iova & 0xff; one that wraps, and
// unmapping at or above 2^62, fails with EINVAL. Interrupt index 0 is a level-triggered line, 1 has four vectors, of
// which it never gives three, 2 fires by itself
// all the time, 4 cannot be armed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
enum { CONTAINER = 1, GROUP, UNVIABLE, DEVICE };

static unsigned char kinds[4096];
static int events[8][8];
static unsigned armed[8];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int fail(int number) {
  errno = number;
  return -1;
}

static int new_file(int kind, off_t size) {
  int file = memfd_create("fake-vfio", MFD_CLOEXEC);
  if (ftruncate(file, size) != 0) return -1;
  kinds[file] = (unsigned char)kind;
  return file;
}

static int open_fake(const char* path) {
  const char* name = path + strlen("/dev/vfio/");
  if (strcmp(name, "vfio") == 0) return new_file(CONTAINER, 0);
  if (strcmp(name, "1") == 0) return new_file(GROUP, 0);
  if (strcmp(name, "2") == 0) return new_file(UNVIABLE, 0);
  int number = 0;
  return fail(sscanf(name, "1%d", &number) == 1 ? number : ENOENT);
}

int open64(const char* path, int flags, ...) {
  if (strncmp(path, "/dev/vfio/", 10) == 0) return open_fake(path);
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return ((int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, mode);
}

static int region_info(struct vfio_region_info* info) {
  static const unsigned flags[6] = {7, 15, 15, 15, 15, 15};
  if (info->index > 7) return fail(EINVAL);
  info->size = info->index == 7 ? 256 : info->index == 1 ? 4 * PAGE : info->index < 6 ? PAGE : 0;
  info->offset = info->index * 8 * PAGE;
  info->flags = info->index < 6 ? flags[info->index] : 3;
  if (info->index < 1 || info->index > 5) return 0;
  const unsigned room = info->argsz;
  info->argsz = sizeof *info + 48;
  info->cap_offset = 0;
  if (room < info->argsz) return 0;
  info->cap_offset = sizeof *info;
  struct vfio_region_info_cap_sparse_mmap* cap = (void*)(info + 1);
  if (info->index == 1) {
    *cap = (struct vfio_region_info_cap_sparse_mmap){.header = {.id = 1, .version = 1}, .nr_areas = 2};
    cap->areas[0] = (struct vfio_region_sparse_mmap_area){0, PAGE};
    cap->areas[1] = (struct vfio_region_sparse_mmap_area){2 * PAGE, 2 * PAGE};
  } else if (info->index == 4) {
    *cap = (struct vfio_region_info_cap_sparse_mmap){.header = {.id = 1, .version = 1}, .nr_areas = ~0u};
    cap->areas[0] = (struct vfio_region_sparse_mmap_area){0, 2 * PAGE};
    cap->areas[1] = (struct vfio_region_sparse_mmap_area){~0ull - PAGE + 1, 2 * PAGE};
  } else if (info->index == 5) {
    *cap = (struct vfio_region_info_cap_sparse_mmap){.header = {.id = 1, .version = 1}, .nr_areas = 0};
  } else {
    cap->header = (struct vfio_info_cap_header){.id = 77, .next = info->index == 2 ? 1u << 30 : info->cap_offset};
  }
  return 0;
}

static int iommu_info(struct vfio_iommu_type1_info* info) {
  const unsigned room = info->argsz;
  info->flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
  info->iova_pgsizes = 0x40201000;
  info->argsz = 24 + 48 + 16;
  if (room < info->argsz) return 0;
  info->cap_offset = 24;
  char* at = (char*)info + 24;
  struct vfio_iommu_type1_info_cap_iova_range* ranges = (void*)at;
  ranges->header = (struct vfio_info_cap_header){.id = 1, .version = 1, .next = 24 + 48};
  ranges->nr_iovas = 2;
  ranges->iova_ranges[0] = (struct vfio_iova_range){0, 0xfedfffff};
  ranges->iova_ranges[1] = (struct vfio_iova_range){0xfef00000, ~0ull};
  struct vfio_iommu_type1_info_dma_avail* avail = (void*)(at + 48);
  avail->header = (struct vfio_info_cap_header){.id = 3, .version = 1};
  avail->avail = 65535;
  return 0;
}

static void signal_events(unsigned index, unsigned start, unsigned count) {
  pthread_mutex_lock(&lock);
  for (unsigned i = start; i < start + count && i < armed[index]; ++i) eventfd_write(events[index][i], 1);
  pthread_mutex_unlock(&lock);
}

static void* storm(void* unused) {
  (void)unused;
  while (armed[2] > 0) signal_events(2, 0, 8);
  return NULL;
}

static int set_irqs(const struct vfio_irq_set* set) {
  if (set->index == 4) return fail(EBUSY);
  if (set->flags == (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK) ||
      set->flags == (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK)) {
    if (set->index != 0) return fail(ENOTTY);
    dprintf(2, "%s %u\n", (set->flags & VFIO_IRQ_SET_ACTION_MASK) != 0 ? "masked" : "unmasked", set->index);
    return 0;
  }
  if (set->index == 1 && set->count == 3) return 1;
  if ((set->flags & VFIO_IRQ_SET_DATA_NONE) != 0 && set->count > 0) {
    signal_events(set->index, set->start, set->count);
    return 0;
  }
  pthread_mutex_lock(&lock);
  armed[set->index] = set->count;
  memcpy(events[set->index], set->data, set->count * sizeof(int));
  pthread_mutex_unlock(&lock);
  dprintf(2, "armed %u %u\n", set->index, set->count);
  pthread_t thread;
  if (set->index == 2 && set->count > 0) pthread_create(&thread, NULL, storm, NULL);
  return 0;
}

static int irq_info(struct vfio_irq_info* info) {
  if (info->index > 4) return fail(EINVAL);
  info->flags = VFIO_IRQ_INFO_EVENTFD | (info->index == 0 ? VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED : 0);
  info->count = info->index == 0 ? 1 : info->index == 3 ? 0 : 4;
  return 0;
}

static int map_dma(const struct vfio_iommu_type1_dma_map* map) {
  if (map->iova + map->size < map->iova) return fail(EINVAL);
  if (map->iova >> 63) return fail(map->iova & 0xff);
  if (map->iova >> 62) return fail(EINVAL);
  dprintf(2, "mapped %#llx %#llx %u\n", map->iova, map->size, map->flags);
  return 0;
}

static int unmap_dma(struct vfio_iommu_type1_dma_unmap* unmap) {
  if (unmap->iova >> 62) return fail(unmap->iova >> 56 == 0x7f ? EIO : EINVAL);
  unmap->size = 0x3000;
  return 0;
}

static int hot_reset_info(struct vfio_pci_hot_reset_info* info) {
  const unsigned room = (info->argsz - sizeof *info) / sizeof info->devices[0];
  info->count = 2;
  if (room < info->count) return fail(ENOSPC);
  info->devices[0] = (struct vfio_pci_dependent_device){.group_id = 12, .bus = 5, .devfn = 0};
  info->devices[1] = (struct vfio_pci_dependent_device){.group_id = 13, .segment = 1, .bus = 5, .devfn = 9};
  return 0;
}

// The bus is ours with the group, and not without.
static int hot_reset(const struct vfio_pci_hot_reset* reset) {
  if (reset->count != 1 || kinds[reset->group_fds[0]] != GROUP) return fail(EINVAL);
  dprintf(2, "hot reset\n");
  return 0;
}

static int device_file(const char* name) {
  return strcmp(name, "gone") == 0   ? fail(ENODEV)
         : strcmp(name, "held") == 0 ? fail(EBUSY)
                                     : new_file(DEVICE, 64 * PAGE);
}

static int answer(int kind, unsigned long request, void* argument) {
  switch (request) {
    case VFIO_GET_API_VERSION:
      return VFIO_API_VERSION;
    case VFIO_CHECK_EXTENSION:
      return (long)argument == VFIO_TYPE1v2_IOMMU || (long)argument == VFIO_TYPE1_IOMMU;
    case VFIO_SET_IOMMU:
      return (long)argument == VFIO_TYPE1_IOMMU ? fail(EPERM) : 0;
    case VFIO_GROUP_GET_STATUS:
      ((struct vfio_group_status*)argument)->flags = kind == GROUP ? VFIO_GROUP_FLAGS_VIABLE : 0;
      return 0;
    case VFIO_GROUP_SET_CONTAINER:
      return kinds[*(int*)argument] == CONTAINER ? 0 : fail(EINVAL);
    case VFIO_GROUP_GET_DEVICE_FD:
      return device_file(argument);
    case VFIO_DEVICE_GET_INFO:
      *(struct vfio_device_info*)argument =
          (struct vfio_device_info){.argsz = 16, .flags = 3, .num_regions = 9, .num_irqs = 5};
      return 0;
    case VFIO_DEVICE_GET_REGION_INFO:
      return region_info(argument);
    case VFIO_DEVICE_GET_IRQ_INFO:
      return irq_info(argument);
    case VFIO_DEVICE_SET_IRQS:
      return set_irqs(argument);
    case VFIO_DEVICE_RESET:
      return fail(EINVAL);
    case VFIO_IOMMU_GET_INFO:  // of a device: VFIO_DEVICE_GET_PCI_HOT_RESET_INFO
      return kind == DEVICE ? hot_reset_info(argument) : iommu_info(argument);
    case VFIO_IOMMU_MAP_DMA:  // of a device: VFIO_DEVICE_PCI_HOT_RESET
      return kind == DEVICE ? hot_reset(argument) : map_dma(argument);
    case VFIO_IOMMU_UNMAP_DMA:
      return unmap_dma(argument);
    default:
      return fail(ENOTTY);
  }
}

int ioctl(int file, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  if (file >= 0 && file < 4096 && kinds[file] != 0 && (request >> 8 & 0xff) == ';')
    return answer(kinds[file], request, argument);
  return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(file, request, argument);
}
