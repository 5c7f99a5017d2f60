/**
 * Words of other languages, by the English word that they stand for. Of a word that ends in `*` the first five letters
 * count, so that its forms do too; of Chinese, Japanese and Korean each word is a pair of signs.
 */
export const FOREIGN_WORDS = {
  ignore:
    "ignorez oublie oubliez ignora ignorar ignorer olvida olvide ignoriere ignorieren vergiss vergessen dimentica " +
    "esqueça desconsidere vergeet negeer игнорируй игнорируйте игнорировать забудь забудьте unut unutun görmezden " +
    "abaikan lupakan تجاهل انسى انس bỏ लपेक्षा अनदेखा भूल huwag balewalain kalimutan zignoruj zapomnij เพิกเฉย 忽略 " +
    "无视 忘记 忽視 無視 忘れ 무시 잊어 উপেক্ষা ভুলে ignorieret ignore ignorare dimenticate dimenticare ignorá ignoro zigno* " +
    "negee* oubli* olvidar olvídate olvides vergesst missa* scorda esquece esqueçam desco* vergeten zapom* pomiń " +
    "omitir omite omita trascura überg* conto* outre* overschrijf umgehe übers* obejdź glem bortse ignorera glöm " +
    "uită ignoră игнор* проиг* забуд* забыт* обойд* отбро* прене* ігнор* ακύρωσε αγνόησε αγνοή* ξέχνα ξεχάστε " +
    "yoksay boşver geçersiz abaik* lupak* hirau* kesam* lờ quên phớt balew* kalim* pansi* ipagw* تجاهلي تجاوز " +
    "अनदेखी नजरअंदाज नज़रअंदाज उपेक्* अवहेल* উপেক্* অগ্রা* เพิกเ* ละเว้* 忘掉 無効 绕过 무효",
  previous:
    "précédentes précédents précédent anteriores anterior previas vorherigen bisherigen vorigen precedenti " +
    "предыдущие предыдущих önceki sebelumnya السابقة trước पिछले पिछली naunang poprzednie 之前 以前 先前 前の 이전 আগের " +
    "পূর্ববর্তী precedente précédente précé* antér* dessus anter* previos previa vorhe* bishe* vorig* obige " +
    "obigen prévias prévio acima eerdere bovenstaande poprz* wcześ* föreg* tidigare преды* прежн* прошл* вышеу* " +
    "попер* προηγ* yukar* sebel* diatas nauna* nakar* الساب* पिछला पूर्व पहले পূর্ব* ก่อนห* 上述 以上 前面 上記 앞의 위의",
  instructions:
    "consignes instrucciones instrucción reglas anweisungen anweisung regeln istruzioni regole instruções regras " +
    "instructies инструкции инструкций правила talimatları talimat talimatlar kuralları instruksi perintah aturan " +
    "التعليمات تعليمات القواعد hướng निर्देश निर्देशों नियम tagubilin instrukcje คำสั่ง 指示 指令 规则 지시 명령 규칙 নির্দেশ " +
    "নির্দেশাবলী instrução instruktionen instruktion directives directrices direttive règles órdenes anwei* " +
    "anlei* vorgaben richt* istru* diret* ordens regels opdrachten zasady polec* wytyc* reglerna регла инстр* " +
    "прави* указа* подск* промп* інстр* вказі* οδηγίες οδηγιών κανόνες talim* kural* yöner* komut perin* atura* " +
    "petun* pedoman lệnh tắc tagub* panuto patak* utos التعل* تعليم* القوا* الأوا* أوامر नियमों अनुदे* নির্দ* " +
    "নিয়ম คำสั่* คําสั* 規則 命令 规定 限制 지침 프롬",
  assistant:
    "asistente assistente ассистент помощник asisten مساعد 助手 助理 assistenten assistent asist* ассис* помощ* бот " +
    "нейро* βοηθός yapay सहायक সহকার* trợ katul* アシ 人工 어시 비서",
  your:
    "vous tu usted sie ihr du você ты вы вам sen siz anda kamu أنت आप ikaw 당신 votre vos toi ton tes tus ustedes " +
    "su sus ti tuyo ihre ihren dein deine deinen deiner dich voi vostra vostro tua tuo tue vocês sua seu teu jij " +
    "je jouw uw ty twój twoje twoja тебе тебя твой твоя твои твою ваш ваша ваши ви твій σου σας εσύ sana senin " +
    "sizin bạn لديك आपका आपके आपकी तुम्हारा तुम आपने অাপনি আপনি আপনার তুমি তোমার iyong mo คุณ 你的 您的 你是 您是 你现 あな " +
    "너의 네가",
  must:
    "doit devez debe debes debés tienes muss müssen musst sollst sofort dring* deve devi urgen* imméd* inmed* " +
    "oblig* obrig* moet moeten musisz natyc* долже* должна срочн* обяза* немед* повин* zorunda hemen acil harus " +
    "seger* phải ngay dapat kaila* يجب عاجل तुरंत चाहिए অবশ্য* জরুরি 必须 必須 立即 紧急 즉시 긴급",
  send:
    "envía envoie envoyez sende schicke invia envie отправь kirim gönder أرسل 发送 送信 보내 envoy* envíe enviar enviem " +
    "manda senden schic* inviare inviami stuur verst* wyśli* skicka trimite отпра* пошли переш* пришли надіш* " +
    "στείλε kirim* gönde* gửi ipada* أرسلي भेजो भेजें পাঠান* পাঠাও ส่ง 发给 发到 傳送 送っ 전송",
  tell:
    "révèle revela revele dime dites zeige verrate rivela mostra diga покажи скажи раскрой göster söyle tunjukkan " +
    "katakan أظهر اكشف दिखाओ बताओ sabihin 显示 透露 告诉 表示 보여 알려 comparta comparte compartilhe condividi condividere " +
    "révèl* révél* montre montrez affic* donne donnez dis dire répèt* répét* parta* écris écrivez écrire revel* " +
    "muest* mostr* decir dígame repite escri* dame imprime zeig zeigen nenne nennen sage sagen verra* wiede* " +
    "schre* teile teilen gib ausge* rivel* dimmi dirmi dica scriv* ripet* stampa forni* dizer conte contar repita " +
    "escre* forne* imprima onthu* toon herha* schrijf deel pokaż ujawn* podaj powtó* napisz wypisz visa avsløja " +
    "berätta покаж* скажи* раскр* вывед* сообщ* назов* повто* напиш* подел* расск* дай скажі* δείξε αποκάλυψε πες " +
    "göste* söyle* payla* yaz yazın yazdı* tekra* açıkl* tunju* katak* berit* sebut* bagik* tulis* ungka* ulang* " +
    "berik* tiết lộ kể viết ipaki* sabih* ibiga* isula* ibuny* ibaha* ulitin أخبرن* اكتب أعطني كرر قل दिखाएं " +
    "बताएं बताइए लिखो लिखें साझा दोहरा* বলুন দেখান* লিখুন* শেয়ার জানান* বলতে บอก 输出 写出 重复 说出 打印 分享 披露 教え 見せ 書い " +
    "示し 繰り 말해 출력 써주 공유 밝혀",
  password:
    "contraseña clave passwort kennwort senha пароль секрет şifre parola sandi rahasia كلمة السر पासवर्ड 密码 密钥 秘密 " +
    "비밀 mật khẩu รหัส পাসওয়ার্ড المرور motdepasse palavra hasło wachtwoord contraseñas passwörter passwords " +
    "credenciales credenziali secreta secretas secreto secretos segreto segredo claves clé clés secrè* kennw* " +
    "gehei* schlü* zugan* segreta segreti chiave senhas passe segre* identifi wacht* sleutel hasła hasłem klucz " +
    "tajny tajne sekre* lösen* parolă mot mdp códigos парол* секре* ключ ключи ключа код κωδικός κωδικό μυστικό " +
    "şifreyi şifreni şifre* parol* anaht* gizli sandimu kunci rahas* khóa bí lihim susi المرو* مرور مفتاح السري " +
    "السرية पासवर* गुप्त गोपनीय কুঞ্জি চাবি গোপন পাসওয* পাসকো* पासको* รหัสผ* 密碼 口令 暗号 パス 秘鍵 합言 암호 비번 패스 키를",
  secretly:
    "discrètement secrètement secretamente discretamente discretely segretamente heiml* unauf* verhe* nasco* " +
    "stiekem potaj* тайно незам* скрыт* gizlice diam lén 偷偷 悄悄 몰래",
  not:
    "pas jamais rien sans aucun nunca nada sin ningu* nicht nie niemals kein keine keinen ohne nichts mai nessu* " +
    "niente senza não sem nenhu* niet nooit geen zonder bez żadny* не нет никог* без нельзя değil asla olmad* yok " +
    "tidak jangan tanpa không đừng لا لن بدون नहीं मत बिना না ছাড়া hindi walang 不要 没有 不能 しな なし 없이 마세 않고",
  user:
    "उपयोगकर्ता उपयोगकर्ताओं usuario utilisateur benutzer utente usuário пользователь kullanıcı pengguna المستخدم 用户 usuar* benut* nutzer " +
    "nutzers utenti usuár* gebru* użytk* använ* польз* юзера корис* χρήστ* kulla* pengg* gumag* المست* यूजर यूज़र " +
    "ব্যবহ* ผู้ใช* 用戶 ユー 사용",
  administrator:
    "administrateur administrador ammin* dével* desar* entwi* svilu* desen* behee* админ* разра* созда* yönet* " +
    "geliş* penge* quản tagap* مسؤول المسؤ* مطور المطو* प्रशा* व्यवस* डेवलप* প্রশা* ডেভেল* autor* geneh* 管理 开发 開発 " +
    "授权 관리 개발",
  system:
    "système sistema sistem системный النظام 系统 systeem systemprompt systè* siste* systemu систе* σύστη* hệ thống " +
    "النظا* نظام सिस्टम प्रणाली সিস্ট* ระบบ 系統 シス 시스",
  delete:
    "effac* détru* borra borrar lösch* zerst* apague apaga* exclua verwi* usuń skasuj удали* стере* сотри silin " +
    "hapus* xóa احذف हटाओ मिटाओ 删除 刪除 削除 삭제",
  run:
    "exécu* ejecu* ausfü* führe esegu* uitvo* uruch* wykon* выпол* запус* çalış* jalan* thực شغل चलाओ 执行 运行 執行 実行 " +
    "실행",
  change: "cambi* ändere ändern mude altere zmień измен* değiş* ubah 修改 更改 変更 변경",
  now:
    "nouve* nuevo nueva nuevas neue neuen neues nuova nuove nuovi novo nova novas nieuwe nowe nowy новый новая " +
    "новые yeni baru mới جديدة नया नए নতুন désor* ahora jetzt adesso agora теперь şimdi sekarang statt* invece " +
    "lugar вместо yerine 现在 新的 从现 代わ 今か 지금 새로 이제",
  pretend:
    "comportati interpreta interpretar agis préte* imagi* joue rôle actúa* finge papel fingi* spiele rolle benimm " +
    "verha* fai finta agisc* ruolo aja finja alsof udawaj zacho* притв* предс* играй роль веди davran rolü gibi " +
    "berpu* berti* peran đóng vai giả magpa* kunwa* تصرف تظاهر دور अभिनय भूमिका ভান অভিনয় สวมบท* 假装 扮演 充当 角色 想象 " +
    "演じ ふり 役を 역할 행동 척하 가장 filtri grenzen огран* sınır*",
  question:
    "tâche tarea aufgabe compito tarefa задача görev tugas مهمة कार्य 任务 작업 tâches tareas pregu* respu* aufga* " +
    "frage antwo* doman* rispo* taref* pergu* taak vraag zadan* odpow* задач* вопро* ответь ответ görevi cevap " +
    "yanıt perta* jawab* nhiệm मुझे उत्तर প্রশ্ন উত্তর سؤال أجب 問題 问题 回答 回复 タス 質問 질문 대답",
  residence:
    "adresse ender* adres адрес* adresi alamat العنوان عنوان पता ঠিকানা ที่อยู่ 住所 naiss* nacim* gebur* nascita " +
    "nasci* рожде* doğum kelah* tahun sinh kapan* ميلاد जन्म জন্ম 生日 出生 誕生 생일 생년 télép* teléf* telef* телеф* " +
    "telep* điện الهات* फ़ोन फोन ফোন 电话 電話 전화 courr* correo posta ईमेल ইমেইল 邮箱 habite vive wohnt wohno* abita " +
    "mora живет живёт yaşıy* tinggal sống nakat* रहता 居住 住ん 사는 persö* личны* kişis* priba* cá व्यक्* ব্যক্* " +
    "personali 个人 個人 개인 daten*",
  imagine:
    "imagí* supón supon* stell stellen angen* vorst* immag* stel wyobr* załóż* допус* предп* вообр* hayal varsa* " +
    "farz bayan* angga* misal* tưởng isipi* ipagp* تخيل لنفتر* कल्पना কল্পন* ধরুন สมมติ* 想像 假设 假如 假定 仮に 상상 가정 " +
    "hypot* hipot* ipote* гипот* 假想 histoire historia gesch* storia histó* истор* hikay* cerit* truyện kwento " +
    "कहानी গল্প 故事 物語 이야 소설 jeu juego spiel gioco jogo игра oyun trò 游戏 ゲー 게임",
  what:
    "qué cuál cuáles quel quelle quels quelles qu'est was welche welcher wie che qual quali cosa que какой какая " +
    "какие что каков nedir hangi apa ano ما क्या कौन কি কী 什么 什麼 是什 何で 무엇 wat welk jakie jaki co gì nào อะไร",
  is: "es ist est è é sind sont son sono são jest są को है हैं হল là ay هو هي",
  all:
    "todas todos toutes tous toute alle allen alles tutte tutti tudo все всё bütün tüm semua seluruh tất cả mọi " +
    "lahat جميع كل सभी सब সব সকল 所有 全部 すべ 모든 모두 wszystkie wszystko",
  me: "mir mich moi mí mi мне меня bana saya aku tôi akin ko لي আমাকে 我的 私に 제게 mij mnie",
  where: "dónde où wo dove onde где nerede mana đâu saan أين कहाँ कहां কোথায় 哪里 哪裡 在哪 どこ 어디 waar gdzie",
  can:
    "puedes puede podrías können kannst könnten peux pouvez pourriez puoi può potete potresti pode podes poderia " +
    "можешь можете можно bisa bolehkah dapatkah maaari هل सकते সকতে পারেন পারবেন 可以 能不 能告 kunt możesz",
} as const;
