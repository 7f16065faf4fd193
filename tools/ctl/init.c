/* tools/ctl/init.c - `init`: a new data folder with keys and the catalogue. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

/* ../share/sotay/catalogue beside the program's own folder: the same in a build tree and where it
 * was installed. */
static bool default_catalogue(char *path, size_t path_bytes)
{
    char self[3072];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return false;
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    int need = snprintf(path, path_bytes, "%s/../share/sotay/catalogue", self);
    return need > 0 && (size_t)need < path_bytes;
}

int ctl_init(const ctl_line *line)
{
    char folder[4096];
    server rooms = { 0 };
    st_error error = { 0 };
    if (line->words_count != 1 || line->commune == NULL)
        return ctl_say_in(line, 2, "init",
                          "cách dùng: sotayctl --data DIR init --commune CODE [--catalogue DIR] "
                          "[--practice]",
                          "usage: sotayctl --data DIR init --commune CODE [--catalogue DIR] "
                          "[--practice]");
    size_t len = strlen(line->commune);
    if (len < 1 || len > 10 || strspn(line->commune, "0123456789") != len)
        return ctl_say_in(line, 1, "init", "--commune: mã gồm các chữ số, như 01477",
                          "--commune: a code of digits, like 01477");
    if (line->catalogue != NULL)
        (void)snprintf(folder, sizeof folder, "%s", line->catalogue);
    else if (!default_catalogue(folder, sizeof folder))
        return ctl_say_in(line, 1, "init",
                          "cần --catalogue DIR: chương trình không biết thư mục ấy ở đâu",
                          "--catalogue DIR is needed: this program does not know where it lies");
    rooms_how how = { .dir = line->data };
    rooms_new wish = { line->commune, folder, line->practice };
    if (rooms_init(&how, &wish, &rooms, &error) != ST_OK)
        return ctl_fail(line, "init", &error);
    printf(strcmp(line->lang, "vi") == 0 ? "Đã lập sổ %s%s trong %s\n" : "Made book %s%s in %s\n",
           line->commune, line->practice ? " (practice)" : "", line->data);
    rooms_close(&rooms);
    return fflush(stdout) == 0 ? 0 : 1;
}
