/* tools/ctl/help.c - `sotayctl --help`, in two languages. Lists what is there, nothing else. */
#include <stdio.h>
#include <string.h>

#include "tools/ctl/ctl.h"

static void print_verb(const char *name, const char *usage, const char *meaning)
{
    printf("  %s %s\n      %s\n", name, usage, meaning);
}

void ctl_help(const char *lang)
{
    bool vi = strcmp(lang, "vi") == 0;
    printf("%s: sotayctl --data DIR [--lang vi|en] [--progress json|text|none] %s\n\n",
           vi ? "cách dùng" : "usage", vi ? "LỆNH ..." : "VERB ...");
    puts(vi ? "Làm việc trên sổ của máy chủ đang dừng, hoặc hỏi máy chủ đang chạy trên DIR.\n"
            : "Works on the store of a stopped server, or asks the server that runs on DIR.\n");
    print_verb("init", "--commune CODE [--catalogue DIR] [--practice]",
               vi ? "lập sổ mới: khóa, danh mục, biểu mẫu" : "make a new store: keys, catalogue");
    print_verb("restore", "BACKUP [--side OLD-DATA]",
               vi ? "dựng lại sổ từ bản sao vào DIR mới; --side: thu lại quyền đã thu sau đó"
                  : "make DIR anew from a backup; --side: take away again what was taken since");
    for (size_t i = 0; operator_verb_at(i) != NULL; i++) {
        const operator_help *verb = operator_verb_at(i);
        print_verb(verb->name, verb->usage, vi ? verb->vi : verb->en);
    }
    puts(vi ? "\nROLE: officer office office_head council_chair decider auditor admin\n"
              "Việc hai người: hai người bất kỳ trong office_head, admin, decider.\n"
              "Mã kết thúc: 0 xong; 1 không được; 2 gọi sai; 3 xong, nhưng cần người xem."
            : "\nROLE: officer office office_head council_chair decider auditor admin\n"
              "Two people: any two of office_head, admin, decider.\n"
              "Exit codes: 0 done; 1 refused; 2 wrong usage; 3 done, but needs a person.");
}
