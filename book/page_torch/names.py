"""What torch has and the page has not, so that a name that is missing here is told from a mistake."""

from __future__ import annotations

import base64
import functools
import zlib
from typing import Any


class NotInPage(AttributeError):
    """torch has this; the page has not."""


def not_in_page(what: str) -> NotInPage:
    """The error for what only torch itself can do."""
    return NotInPage(f"{what} is not in the page: run this in JupyterLab")


@functools.cache
def known() -> dict[str, set[str]]:
    """By module, the public names of torch."""
    text = zlib.decompress(base64.b85decode(PACKED)).decode()
    return {
        home: set(names.split()) for home, _, names in (line.partition(": ") for line in text.splitlines())
    }


def missing(home: str, name: str, told: str) -> AttributeError:
    """The error for a name that is not here: the page's if torch has it, else torch's own text."""
    there = name.removesuffix("_") in known().get(home, ())
    return not_in_page(f"{home}.{name}") if there else AttributeError(told)


class Absent:
    """A method that torch's tensors have and the page's have not; it is there, and refuses."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        raise not_in_page(f"torch.Tensor.{self.name}")


def absent(cls: type) -> None:
    """Give a class an `Absent` for each method that it lacks."""
    for name in known()["torch.Tensor"]:
        if not hasattr(cls, name):
            setattr(cls, name, Absent(name))


PACKED = (
    "c-pmG+jiTyl6{}Az!%Kw$bE7${pL8%WsZ}0Z0GcvdBLJdNMf6}5TtD7>u2vOfCMEuNuSHI1r!P(00M<Vp{l^4?epz#=KSyP%z2)>%Jtd"
    "M_LqI%_U3%E>D?w9%C@=Ncg~zwW#-@9oAYL`>3%cTt{EoawsW~Tf6U53@?XEL+H837@)k8_n>l^w8jtE<yC&b(S^sd+HtTXTr!SveKC;"
    "!@Asf7TUA6gxdEK_vR1x4<2|;OWT(4dKrpyQPdOx_SDBw`^BCAkChPp1Y&X1Kd7u&3l1qsK3Rpz}^deIgP>aMJ07``;+AnD2tZt>QNe0"
    "tN4_tn&RK+0<$;6n9H-lL|EZGrAQgL*xdRpEN`#<}jI?e-sC-QHzr1sL!8GONmOnU0pUfEot(G$40Z=I-<TA5t#|CIFrf-*MjGj!n)dP"
    "a<!}`<w&8%q|=9?cdx!g>N0&SiG*L!XREYV=WB|E#0`T?FVzYBe`5Y<<(fYq^@^k))!`)_v<Qa%-d|pDka3XW#ulm4l}nHN=by~6lQx<"
    "|MRV@GbD$xcOjAj?_8r)Zr=4-ahqo#dI3vz4nVinQ2W#NBtvK3XVp5kOgJ?B;WMTo@5_!AerQ00y(^@h56#q5fU$Tp#7x((vs}CM-yiN"
    "UD6W&qxGKGtxhg@&QngZpxxzvyo6S|b*`UiBz0N!{noVqraA-^)lQr>)l>Dh}w7pMl+l5*_jrG0j1^c<valu=(NU$@RF0Rkx@Oe$b>-R"
    "b%*Eb*jetvgpKVRRP>#WaekgP7g>pe)$1!BA2D@kGgZd^txPB6dsc)#BK4~F7w6?@Ort10mXsnyf3i}bHgt3`S$eRJd1((3J(k4DE$R&"
    "okY6t6hx@eF<#0%6Q35a$8*pbE}b0v;6p=!R`un8hrniQBM%U3@?XZ;`m}TTINbH@Dwe?YCR3uQ(Et2sChu$_**F%wzkpl*U3pw?pr;I"
    "z*9YAO&hua9@+t#yH|+)e*ovgh;aP{`dOQUcA4&_}hn1@627cF`+jaX_;-`j+<>a4in=ycYT(ZBxNqRyRi#QaSDpq_b<1X_TAOz*XLLE"
    "%_V4%>6^Q&Hxc>!hr9Ro>ci{1&o>wE4cK<r!oD=aq8hyV-?M6TCcF3iSq5!2qWNsz4gt4b0xRKGLnMj}%Vg(lw%gba1M{Moadq}I<K%Z"
    "=*NpO_+(}%I6=TKLI}KTDfhLPT+7hFht=DDa?4~aZyO}sw#;w@q*bV?z{N+`Pm&vMbo7n;s(~iS3g?iB=1Z5+ECOVTf8xTd-pr+PfDK{"
    "9Gtk30*C9)yj##j)Z)kqYR+ZYRC$eIwXLLAZC7!%=aLDqr(VDXf>&8kfczOb#mbq)6<3|zmFz9Nz~H=bJw;>WE6XU8~r5Ng4a6KGRdhi"
    "OjxJR8V)fEtu6GoST+#zJgC-$~ynypOz%zKgzzzDIbAp>mlYEGIgEs~J24h+QNHJOOxV?D7;IY~%3W&1TLjn^RdE>`x}4vU|uet|>eKr"
    "K|g_M}xy)AIqj_ACbn^YMZvN6VURpN9?s0q+JgubFh7lxl6N-%0ec@&|^F)o;`y{KZY%aer%RyjvgAj0;@gZa}|%yRtCFL(~ebDn)|iN"
    "jpn|ruoki&K$G=*oA<3JoeZGxy*602o09cl6xlR^wg%S(z{KFC8bnX8B*yL{F?JP+1^ZZfEa|40;L5EB>$l~4m{3hS!)-r-eYx2l7JXu"
    "Vh4HOHI&pd^)Y_s1Yn0g|bG`4|tPmRT+pKdwK`5OrFs->CK?4K%`#oetkcu}sS`bRhK@QHBNOnCoAW*!)+O0rc1*F2jI>3lnv=F(?<gT"
    "nFun4PB0)R63Cf{aQ6?Ha{XCYCo88(fp&{>Gyd|uPuR?>kq#YK>B+sgTe{RE&dJJ)+RBfxogk_0QWUpvYb-nQVTHC~c6jLn0APztUkp$"
    "!q)!vsx8EaeFjr1uz8iMzO^=2)Y>oz`BSL1+ZB>?Gh*5Sh&Jz+sE18`3OfQjjd^k(;t-0*3_`<034Br>7S$Y<6Epd~X7w$N0tSm6>TjK"
    "rep<)X3aP1dcecYEUMEKP0f-cJE6FvCEWY68!@k>9WG=6GOQf+tJ%K)}2<mdm$OSl}2Y8+2KA90QLjlVLDzE2Z+@nB0S5@lhP5#$(I`f"
    "eV?}u^wM&8JbQ+{L^l$I+}#{x(4qjZ!}|3;Vm;=)%CH-7z(+E~wt=M7BDFJlhdJs%rM*1Sw~q%?G~}T&?)ZqtB4f}r_Vkvjc?sK8#NwR"
    "}F&4}h43mrHDC-&YG+rT3df_w9ckDyyErpM6kW*eh)<WNiNYP`h3wo^m$Ub5{W+HB&;?8|*%fb|HosHFyyj$TmD{demwgA44pbhd4?7#"
    "eh@<U`}EaO<nG13U9VxV&+;2JFpz;nU`gvVkkZnj0aUL)9KcpD>phe2Q7L)I#0SQZiGBmA&gn*wY$@TVx%O!7?O!8r@xRbcIfuEm0rZS"
    "Yra@M}0k6K%~9W;spuPBtQ7I*^)#wkjW70KqA0>7*v(z{PYFK2%(>vQfLQh67v~obmXx3~~ts1m`pEspD@Yfn_KGwjCWo!1W6aC4)kb+"
    "dH$)9^BLkcFsmdtaN>%fbJes{{6<)wbiZEuDcg6?W5zi^?VNCvlWOEgeH9Mpd{qfSEuVpa(+<9)Zt}49cI-E1di30PtvPJ<}@Fngju_c"
    "XMMYrg->Gbggz`b7r;ioE+JzxK(gfFc+F<e8N(%j(M60cgF)3xG!{np%_zD^49+g`uhy;V7wg781q2wq#ILOTwLV)n%hdR7O8=!^rSKx"
    "}Rs9RnnuM76=-8FE4WSKDSXXQElr=fZx&}MJj^M}v5I>kTPGJ(@nVw|2?%R9Ul-N0hF(O&pqT=W)yylK4Py_a~7w}&6ab`Vo=n&|NTI2"
    "96fhrdigzV!1c}`)w<BFu9+u}4flQQx-FDUn9RLnG+yx`9o99TB)D^?oy85=hw`*}B7WeE%P3Do9v$?`P%smc;`<hOxUE>KCK^q5n)`*"
    "DM}En;T!Btd5JtWFF^7o<LHHKl|UL@`KrE-yWo6EiXVTyoeWJ3DMKr8po&e46et#$FEDo2tDxo2dNSpa_|Dh^;cQ#TJz&c+6R(&zNq<P"
    "U&RRkNjB(lBi@bA~kL^?qi!M2a|Qpa9{XsUqZ;+W)vKS!U)z6mBf(R8VG*`edls)d4k`@bKKTtJB$WKb&EER<cci@KbMf_sd|QRJl}FN"
    "+3IG3ND{K8Y{z@E-FMiB%3ttrP1wUU%1tR8p{%i`lr_1uE&DiqhX^Z+BrFZhtjc?X*LP2pB?2V;UqN9#3U**m6J!GzPHUR*IH~1QXqJP"
    "}JN|G|Zj`K8xLlG15heF(=h%gYooi%(8AFK7oz5r~68OE4;3dNqgEI*P{FT997)bU@N&l6>D+cIq$I4akr=Wx5SytgFNA<34a9)YW{v<"
    "O+EkyOxIasr&@TYL)GiABJ6MPib1%%*@_*u0D4$+Nmn`O6CSqDj3#3aj3bUeUt38oKBQ?^LR{H4Vjw~;6a#sIMtDLH?W2PuGSK_4_;<)"
    "rffv>U4jjCi)oAZJs=Dns|P>M`5<q#@NVm3~c9A%Km80cgu((ipmpCc8G^L0ceQKVSp>Bin3H&mUM@4;hZceO&Sn6*naF(1U?J4BMUP;"
    ";L+q5<+kQxhq$B&7U<@!Tm@=Bv90CvV3ok&o<yjDCe-~83aaF>B_~D>$8537+cVWkq4(iWjI?SxbJcxTlu~CMMEo5r=cWP5(ub)Z`T7i"
    "Rlr!u(#;4-S(VrWo<cWO6+Ed?(GX#36(Wo|ir`a#HFJ;#W1lxutq^f5KhzQ^(*@+enhKAN_z&l60AnMpwa%I`F8ey`F@YARlZT04)|r2"
    "hEJn(T0vx6Km{i77bCU`>f*`K3X8}}^BqZ35;cz8d(izlKbKqkWel-_46R@ly-`5WGS34Xy7|}!#X`psJ_5kj{%6A3AQWl$K?fjN|m!S"
    ";Abu4w2++or~V8EoOz+=>W3_Owd9DY6s#>{wP4e0_Wz^y2dPPE=P03Rwj&K@eEIZm3jcu-M6+@92ZDsKCjosRVqb2edmR>L)FuuIC0Qn"
    "z3Wpizi#4%6ZVC`#mZfJI+hV}~(97$a3xs+1GBtM&otTTHj-QLWzLKP*@B7j6tg%S|f*En%5{iG>0H>45;u0kD?``W~!CBi$4mJu)Zr9"
    "59DEt$>cFgOE&QoPbGKR=_BX8o;6PvkW9>0*Lb55E}O=gVwmGAzO1<VRD;RkCKtKhgih6GB;YiXlKQ6XgS(UV^qOJ0>f)YRd8u(@QKQ_"
    "XjB3f$XiU1XxL2KZ@%^jYlc9M><Ff@=keAXG7N4YT~_u&l-$xN832R595PM-yxLtgu~>3lo`Jw0W$AaK0yuGcJx1wn8TEmS0)CI0!B28"
    "?e9TQSi()*>$5^SMEAbyhlCFG8re9NIGo^9dBXcp>x4p-r3bAc?z~S2M+A8ZA?v;4C8_KMM`<YI70m6=kj{};=Zo4b759(0$wC#gN0xJ"
    "`p4}!Jm4kLhlx*|!BMYf^A8W5%u#Q1Fwwj*L5^Ioj@MBNTLALt}V`Rh`3K>AyvJPqTANFhNHT9_k65YJfiRVBf%BJhEdz6v>@P+XMZxU"
    "MRIQ)&!zLUnNpXN!H4)tJ*+0g$Zc8Oc+~BBfj7jFLTbnLI3#Y*NR_)hXmziX_A2)E`z$yqJ(8-j`S$Ma%A#V)<5p#t8vl8L)&^0hSVCY"
    "xsZ!x}FJf9zr}L8x3a!T4BVMVASf@XFCkPh;2Mok~9|}8YBJ6n;@(+o;rG?>N7+g4vl*J1k(Y@gNA9xV9cq*p)CQuG6-TQm8e`D6J(lz"
    "d4iS$bnkHZZvyr9b<jh^VKvL~jiYLo!`rtK4FB~D!jXf<5FI$w9222Ozg}w(FYLc!8<UU;oC>|#Zav?XOCg)cHHt?emZM#S!->s<FXvl"
    "sjo1N10`qPoX1}R`$W$6>&jLKv&fa<H+`<tEsp07C<QIC8#o@`HR+${3PnJJX_GG!u>3YlO(I=~!H7`f#wETfe#viF<QcU0{3H}*XjsK"
    "qhMKedg#S>v8CTel8^UvsL{DF>!>8?kqwo{F`Unp&uO3rD<Z_qq_J`4_gHBA5^wnj`a4A>n+G=uW+CN^#axdZ}kjT*asMFo@+oPcp})Y"
    "L?M;TS``Nj&@L0Yl_HUEd+H_dZX+X_-V!3La$g=nYmt<=|mPn}COzb9?zwd$~`+ITJI<Q4$r9gkcZ_loJV=mp?+pVjKwa2xSo-{JeJ|l"
    "B9FrT#Umr=!WtT;WvIL__HF@%E37v+oO>|*v@#5vjbTJgj>HW_?zS^|Cn{z6FUh2G9iF{ZN(PYXL`P4b;meL8mc#7rYf%mA{U=CxVK0="
    "Xj*2SF=+}h53r1NAPBIN`<ezB4^kaW7}X)eKEwb-jFYR#uk^AI_X=U(>Rb_KCrWZMIhvqpXb3J6^nt<vbVgT@_1W4b_AkXs!7bmXt%?~"
    "!8x%}%rU*K1tU3l@&l*~iKbJU%-I@8|HbLQ)CJP*)ZwPTB*^Jy5bYTEdNiZF4k)SWB4X1ArA%PnuNJ@<^D((Se(MpJpgJnSoaz=MXgz}"
    "CO;b6dV6815Q(r#3(oro3^o@uCwUnTsDgj(pOqW)@B^ccZBux)CjZ#*{900M|Z8L;JgucCiNDIaMNeTana#Lsg_l*k-b)R#!fw5gdtBy"
    "_^lM7k1z56fzTLKpn=jztD-SKf%ODXiUHCX&o9lb^1?9qB91{H}D5Hk%cJ2kB5tK#ByFCX#H0YEbG<Uu~yLpH9<;JRLLVje0gcZmIdN+"
    "O{*QF7xIIOn0xLHBa4WMD&)>YbXNVe+b?Fr+VA{X5O2-Qx0wcu-|cS6Sp;+_^u(c3m-PbHg#rWY!k0GEq>(OR`hmuaa(w>9XqMb4r*No"
    "iRRzqowl;yb5r{#J<t-5Gaucmf6~`%Wly=BMfFYM{uSmXahr;eO+Bb4zo=s`Cmtfc=khe8>`6B$>K#t`MA7*8J^!c#XO~V>Gi*<}Nzn&"
    "tPmh>v%(ozn)WhkdThrvrr0z@opK(h1r+kl&9Ey0h&KI6VKkL$C3($b=hCcD=5pNrt`rIgBf8>30>{WBhqb54fJmZMM*d`t+o~k+a(o9"
    "`F;egVJ4ypd3E6SgBKY7OCL}Jv(7RwqmSx6c2LlJKiJGq=lWEZX{!O29uOXyotsf(t_MdIyYf5PKKBKsZBkLUoB`D6Ew2JO*EH#s6ym7"
    "QMt&w3=x{s9rT-*Xm7686Y-pyuo!`3#&i(lcsR6=x4@_R$1RDv>i&Fr5=zH%FG~BNKI!vNSetz)OO`IkhUEG8IS29vg^*Jy^`Y655kiU"
    "^`obHMYSZEOO1Ec~`d7BTKI?;UlZB&i2n*fHh%H+Jh&{?r_2qi*+x?P323^89ft@!&G>P%;9HjoJ*UgK3utswn8w^QYry)Xe_1%fjVhS"
    "><5X(Q&s0n+h@l&6y)rrbz~BCvTqOqWrPB=nN&}$6C`KF$x=$_sgiCyN%v2fMSs#FisH2d(yt@?=MRjYHrh9P!9*+P!qz!~cCvd0TK)6"
    "3P1R@o3+<dDYMe59iVShW0!p5AXblapJvNOlEuz5$%Dlu3TE92-oq;5d7e#1KnK^awJ!A6>`n+Qs==aT^Pp2)HsTFdvs)^5tn5B;`Ye!"
    "Z!`#sYd<>u6=76IDOYWFX<uTd=XrV*nQ0zHSSIn4gRB&Itnjbi*+b;_KeNzx`poXZG^QHwxe?gaHrl-SfFWPfN=BdI4wv<TT?LQ^NVg}"
    "qFTW#d4;-1M`Vi9YjUlTIv5iESuA_P|VpVVrD5wEKV=2*dw(*=$ajX-?W1+S>k<kpMzx!HMFPvL0N}bJVwO`!J{Q!UMgW)qh#tW@8aLR"
    "Q0)g&e{+lI~yL<eOC<-C+!el$Fg_oWV1}!)JVaYqL&&eqOD@KS^UF>jDcFV&^Y1PlOJ0omR5&Dv%*RHf=CyK#)d`G9@rLUdji{_zL+Nm"
    "9TwRn0}b0BDw*w1>zGBK_|IyW<@^vpa^VQanOi2svs%pI3mtE&*!^kkZK}B~4pp@h+jhP7ZbAp^f-tYB#kHv_R{^U^U77;gpme2zH&yB"
    "qu!(v%05)n_sbT$-+SRC5RW+z+LU}wR5acjGeBW6K&+e(LG(n=|Pg6-L(bgxaMaf)BimFgmug|Jkzo$}7^rnXjQ#YMmj<lx|aBWZ8&80"
    "?Dl$pX_zNf|fSLiJP%H7n-RZkU^s+1I6WQi>?s1?nw<+TsYS5PCWChD|$FlYmt<~MU5e1*<;n`^aaA7EBTn6nvk)oyNeE&h&oxuTjNW_"
    "`?_4k`?o)e(jj(h2`faH>iAGWTI>`}M`8G=x|i<^4Xz(AxhAbAu-*c$L6>I^G!6&qEkg_QhP>T}TBNx<TFs=Z=fA&q-O=S%Dgp)M}AJt"
    "ry{HRVX>9R*RIDB*SORdfDniFI!#cWh+K^$rY<bdUcSN^1K*z8NHhIEd+Nv-<7(c{^n9IMQRBmK4#t3%_r3PCL1zd*{>?><8cl`j4lLd"
    "H9=^WgElofL$7hdeXI8+78Ck5tf04CKX1v_#Myr)h$9@@c*jQG@pmJ?3)<}8WuxaM#!pvQ@+R--c*UtT@8?s!fMH7#__6d`frQb$rziM"
    "w$lj0lt{3P-L9Ge~?L+W$4)l~JSIZ>&`nRh$<xZZzdZE#EpkM`75kT3i+q;hv$O~Q3PfT9mD*LuiDR_}y9i-1R9cU<ms~JoRr1W%zTb;"
    "m#XAef;5Vbl+g$J*6g<ZMqVSnQ=gApOo5j7s8KL;cC73IephfaaF>L7vPgqfXrkNJ43Ea9UV&2H3VHDDqanu%>DF+g9MZpv49mB1`R+6"
    "f;@NIsvTpnU7$BhOP;*}bc@eQkI`vXh4yhv}`$igPXz@z#jM9b$CoT88mDc-p;*j&{?BHV!|z5mVB?Yx=B3o+gPelmFVax~s(&Z$942F"
    "yDOo#GiZ#0<lnPh!rROnSz%H*OVOjsTN^@i}dOsea194sXR*`ND-?;1Rl91Ke&agu4+$nTQVJp;kIsD>;<~`4n{muNr+LmK#)fnch#sx"
    "0`m}%;_L0c$*1*Z?#MY9gkpD-*;tkhB?3%C0>8nbr#Oj{C7<Fio1>xu6^n{ZIC-T7hPz-S3CaC3i7a1KWckvB3msH|g^h24n+fSlr&o6"
    "(K&~FPObpzN`~-ya+!g*05{1rTfMy)ObTCmhoj%*>vb6@k=K+E?tBp@DfXP9KU87DCL+x=6SG@;aPQxzMP5u3f177qXyq~=ZU7<$ZNz("
    "bxxryJ*>u4|{o50AuIKr%sFlX|)DE-Wmel_Uk!y9{h{_*<i(th}KcX@OD`Re@c!{<--<L5V*w~PGi^EYoke0mph;+J#`KQ%OcQ01}w_A"
    "P$iWcjs}@JWjAeOe^(^ghC!J@*NcBiz!<{;0sJIEDMcL#J9lJA7!qe|`AD67O9vXLl<6=xUsP^CErg`DN1&U3~BR5I^zJ2vq2BKq|tAs"
    "TQ9>IQ-bbzy9w0Pu_%Iywh}NfR?uSiGzcS(rCVzgt}r9>iBN*YR_Gee&!x6Im~(z;8JQiiCs?pi6UpkY3%aBO^^g<PwNd|V8fr9jHYXd"
    "%PWWg>6QzSAG)e0^)=?RsBkP72cO6-md2u4tlUmw<u;0y5wLO_@u-?ZlpRTYr!sK9D>J<0GglTVsw$Y?7d*I>=X&~`4=&!Ps$S?L=}jt"
    "%XX-9HgVuxv6K;hpiK`NQULORqP|eZ;5C^F0;vx;uYJ$$5yIUl8h5nJtKdWbooTc}Jj*E;<($v@_m5x#Rt2xCrT^*#0l+`SSH9PHVbdw"
    "Xu3(ZXZwggjA27C_9fm`G~ck3k5xGJNm25LH9+OXSpz;0Nax`m+^D!zYx;pn!)q+*re<)m$;-g(SRGSp#Dqs+qZI(3T{eR5%gGAv0<Sw"
    "%Zot#6peF=i$UG++oNj?I&<kth-SY^3g^;hYtPD)9Lz@cCKb^HJan$|pZ|az|I+aZ-(i(!=^}6|+uy4yu>nX)nGMC)5}xOG`urQxw4>V"
    "5e<t!Za#=O%7r~&e02uzwt<QUTyTte8(Ow`jHt5WBMZc{TOlb5QmHCL80Hw*lZc>vdYI8ysjO+;|o)9uQN%@F@LPRDk`fIUINC9aOY61"
    "aAJOoMaQ({WR-i)e5SYYp1(;bFm<=vur#SMlZR+|3HNfoCW_^tOs1CJ1>Lfp)r--wRt7?Ko~$N(he@7|PJ=F2PeFMXwisqdu2ubJ&Trq"
    "np$e>U)sPVg?|&|rc0@Z?OYpmdAm6LkZ{OYGq{y?O<bDpHK<dqnq;YQJ7mUn}gslHoh*>fd;kxSOHWsDno{D0to{v-+gELNFR-&XOpIV"
    "}ZTs+Lf8?dV1j5@%NjriBjwc9+asw7P=HG6NcDz#>Boow9Zk1St57L0ngGk@&5u<59&h2LM3J195@W;un9D!I-RuFq4+O>fC~n_j))cY"
    "k!^QThL>Z#zZ"
)
