/* tools/fuzz/seed_texts.h - seeds that people can read: fuzzer, first byte (-1: none), text. */
#ifndef SOTAY_TOOLS_FUZZ_SEED_TEXTS_H
#define SOTAY_TOOLS_FUZZ_SEED_TEXTS_H

typedef struct {
    const char *fuzzer;
    int first;
    const char *text;
} seed_text;

#define SEED_HEX  "d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1"
#define SEED_CODE "DAwMDAwMDAwMDAwMDAwMDBERERERERERERERERERERERERERERERERERERERERER"

static const seed_text SEED_TEXTS[] = {
    { "words", -1, "device revoke D\ndevice suspend E\n" },
    { "words", -1, "@3 0000000000000000 device revoke D\n@900 0000000000000000 user disable an\n" },
    { "words", -1, "role an -officer\nrole binh -officer\nuser disable binh\ndevice revoke" },
    { "words", -1, "device suspend D\ndevice suspend D --lift\ndevice suspend D --lift --json\n" },
    { "words", -1, "user add xau --name Xau --role office\nrole chi +office\n" },
    { "words", -1, "device revoke E --json\nuser disable --help\nrole -h -officer\n\n  \n" },
    { "text", -1, "Xóm Đoỏng Luông mất sóng, Tổ 10" },
    { "text", -1, "hoà hòa HOÀ o\xcc\x80\xcc\xa3 e\xcc\x82\xcc\x81" },
    { "text", -1, "  a\tb\r\n\xc2\xa0 c\xe2\x80\x8b\xef\xbb\xbf" },
    { "text", -1, "ươ ừ ử ữ ự ă ắ \xf0\x9f\x98\x80 \xed\x9f\xbf" },
    { "id", -1, SEED_HEX },
    { "id", -1, SEED_HEX ":9223372036854775807" },
    { "id", -1, SEED_HEX ":7:3" },
    { "id", -1, "01477/unit/01477-x001" },
    { "id", -1, "01477/catalogue" },
    { "id", -1, SEED_CODE },
    { "id", -1, "YWJjZA==" },
    { "id", -1, "tile/1/x001/x234/067.p/12" },
    { "id", -1, "tile/entries/000" },
    { "id", -1,
      "/v1/snapshot/01477/unit/01477-x01/"
      "741791adb919590c7d412d10adbb38e28700b0fb512992b7445352f30c8a7a34" },
    { "id", -1,
      "ARERERERERERERERERERERERERERERERERERERERERERIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi"
      "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIv8COg" },
    { "id", -1,
      "ATMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMz"
      "MzMzMzMzMzMzMzMzMzQxpg-A" },
    { "link", -1, "http://127.0.0.1:8080/field/#e=" SEED_CODE },
    { "link", -1, "https://sotay.example:443/#e=" SEED_CODE },
    { "link", -1, SEED_CODE },
    { "config", -1, "# sotay\nlisten = 127.0.0.1:8080\nthreads = 512\nbody_deadline_s = 20\n" },
    { "config", -1, "public_url=https://sotay.example\nlog_requests=0\ndrain_ms = 4000 ; why\n" },
    { "config", -1, "files_per_device = 25G\nfiles_per_device = 0\n" },
    { "config", -1, "[http]\nthreads=4\n" },
    { "query", -1, "field=ratings.a3.rating&format=csv&lang=vi" },
    { "query", -1, "between=2026-03-12T09:30%2C2027-01-01&after=" SEED_HEX },
    { "query", -1, "code=1234+5678+9012+3456" },
    { "query", -1, "a=%C4%91%E1%BB%8Bnh+l%c3%a0ng&%62=%26" },
    { "expr", 'a', "1${visit_kind} = 'kiem_tra' and . <= today()" },
    { "expr", 'a', "2count(${findings}) > 1 or not(selected(., 'n3'))" },
    { "expr", 'a', "3if(${a} != '', ${a} * 2 + 1 div 3, string-length('x')) mod 2" },
    { "expr", 'a', "4(. >= 0 and . <= 100) or ${ratings.a3.rating} = \"dat\"" },
    { "value", 0, "kiem_tra" },
    { "value", 1, "01477-x001" },
    { "value", 2, "2026-03-12" },
    { "value", 3, "nhà văn hóa" },
    { "value", 4, "09:30" },
    { "value", 5, "2026-03-12T09:30+07:00" },
    { "value", 5, "2026-03-12T02:30:15Z" },
    { "value", 6, "255" },
    { "value", 7, "-4.5" },
    { "value", 8, "1500000" },
    { "value", 9, "true" },
    { "value", 10, "22.8312,106.5221,8" },
    { "value", 11, SEED_HEX SEED_HEX },
    { "value", 12, "YWJjZA==" },
    { "value", 13, "n1" },
    { "value", 14, SEED_HEX },
    { "value", 15, "ratings.a3.rating" },
    { "value", 23, "findings." SEED_HEX ":7:0.text" },
    { "value", 24, "findings." SEED_HEX ":7:0" },
    { "value", 27, "một ghi chú" },
    { "head", 1, "vi" },
    { "catalogue", 1,
      "{\"form\":\"unit\",\"records\":[{\"unit_id\":\"01477-x001\",\"name_vi\":\"X\"}]}" },
    { "catalogue", 1,
      "{\"form\":\"visit\",\"records\":[{\"place\":\"a\",\"visit_date\":\"2026-03-12\","
      "\"contents\":[\"n1\",\"n2\"],\"ratings\":{\"a3\":{\"rating\":\"dat\"}},"
      "\"findings\":[{\"text\":\"b\"}]}]}" },
    { "catalogue", 2, "unit_id\tname_vi\n01477-x001\tXóm\n01477-x002\t\n" },
    { "catalogue", 128, "visit_date\tplace\tcontents\tpaid\n2026-03-12\txóm\tn1,n2\ttrue\n" },
    { "json", 200, "aXóm\"\\\nxyz" },
    { "converge", 24,
      "0a0\x08"
      "1b0\x10"
      "2c1\x02" },
    { "http", -1, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" },
    { "http", -1, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" },
    { "http", -1, "POST /v1/sync HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" },
    { "http", -1,
      "POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
      "\x28\xb5\x2f\xfd\x20\x01\x01\x01\x01" },
    { "http", -1,
      "POST /api/operator HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n"
      "Content-Length: 4\r\n\r\nstat" },
    { "http", -1, "POST /v1/sync HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" },
};

/* Calls of sotayctl; a blank ends a word, VISIT and DEVICE stand for ids of the book. */
static const char *const SEED_CALLS[] = {
    "user add lan --name Lan --role officer",
    "user list --json",
    "user disable binh",
    "user import --text login\tname\nlan\tLan",
    "role an +office",
    "enrol an --url http://x",
    "assign chi 01477-x001 01477-x002",
    "unassign an 01477-x001",
    "device list --json",
    "device revoke DEVICE --reason mất",
    "device suspend DEVICE --lift",
    "records --form visit --unit 01477-x001 --json",
    "show VISIT --json",
    "history VISIT --json",
    "search nhà --json",
    "new setting - key=a value=b --as office",
    "set VISIT accepted_result=dat --as office --reason vì",
    "conflicts --json",
    "resolve VISIT place --value đây --as office --reason vì",
    "held --json",
    "held show 1 --json",
    "held accept 1 --as office --reason vì",
    "export csv --form visit",
    "verify --json",
    "stat --json",
};

#endif
