"""What torch has and the page has not, so that a name that is missing here is told from a mistake."""

from __future__ import annotations

import base64
import functools
import zlib
from typing import Any

from .registry import not_in_page


@functools.cache
def known() -> dict[str, set[str]]:
    """By module, the public names of torch."""
    text = zlib.decompress(base64.b85decode(PACKED)).decode()
    return {
        home: set(names.split()) for home, _, names in (line.partition(": ") for line in text.splitlines())
    }


def missing(home: str, name: str, told: str) -> AttributeError:
    """The error for a name that is not here: the page's if torch has it, else torch's own text."""
    return not_in_page(f"{home}.{name}") if name in known().get(home, ()) else AttributeError(told)


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
    "c-pmG+jiTyl6{}Az!&uD$bB-Iyg9aWnPbNu%jsS-FIW@_No?~LUSum@KYLdJBq+&A`dpSRpilro5GWK1RR#2Qn{MBl^WQ(1^E7pZ"
    "Ym>fiuiCb5&G}~2x=qsOb@i}soH;M@q`O?1^J=f@b~BW&>PKMNxYV3KC3!FT@7@=6(!YAWM2*R2N<X-&L-p@mm2S(VeY~ivb-tO>"
    "SI;gT_||2g^qqNE)aj#nSJ%Z@5#Ue>L3!D*Uc2@(PkZxj-@CCWU|;kiDNsX#x-OEY8wzJGwn-Zb5)K86r0b;8i#lUaHhCf4@TJOo"
    "Nf)knv#(a<^JP7(it*(hDW83S^VL^ri<)lg49$4~^=`<E%(dpyx#ps7_BXDq9}>I;n9j9%Qsmzf?Jao&YUtf_kKA3Jy4%&CQZGBk"
    "105fJ;JCjZs+3QjL@tL_%8p=Wll1BK?`|K%ONV#NK37w|6R)bFlotvu-Mgl4dvmoTxm-P`#gMtEt`9@fW@a4syCSK~`=n0_CB*l6"
    ";V!lgBRA_xN%+?(%=eA$Pq(g2knD%n`A7<UaFtTI`OqfWGEG4A0_JQSfM%<qwx@1MhR%FUigkE1VgKS!w-|=B%^OzusR9kQE|d3s"
    "s>YTA48^NHWV&{pq}rta{`7!Oag7Ydb>3;2>l}0}RVy`^YfOZ^+FaM04VtXcyQE`AwF&Pc>|dsj$(;C1O8#6|`o7O~-S}EQ59P|W"
    "g1v3DU+@(*5^PMOlk0ZqZ`UNecCRCHcmL`4^M@;Yd$%-qNt=`)S)F`$dyt&-#CEq=lEV1iyM$C6Vg6|GeXaQ)bj8^sw4SLqW8w=^"
    "i|5~F>EE6gv-DW{{@$(St;;VrM*B@>atx0YuQ+M(1b*s0VN56x=K=Ph3XWC;9u&TD{kG1`Y!u_f(obL)9?;I4CGOf91Jm!#@;kGA"
    "xyAenJs}BC14~qHNWpm;-XBV7ECjUdTbGnR3OoZTP@97LlAJcg0VlJL0LH;blJ)SvcUSh}<JHCAKYjjS9+Hjmt<gx!Y}<O+Y@4AU"
    "8NYdGlQbtObHY6gjc1BukcGB?Szg%>*SGJ^ukGa(XprgqhwICL{NvNZM|=J0-NWtu#YY3S?U%4GRX?i+pZ<GN49+C0jz7zwE(W|l"
    "nU+Jqbti$9aH}B_S%PV@b2iy+Y=e$@l})%Zd7g0cTa_iFG|P7qmqWo=vE@!f)|%m!*`IZeUQO2PymEHa=9%4$oGal{Y*Q=;01N)o"
    "qQ=K0MYBz828yYNex5?TXc2<El0XxUNvaKqBB@YQZ7`K9^h?sF^2HKaA8$h}h>q1r6q4Hz3!+adA1!<w(Ay9b;cQ0Mf%ahX<f%=H"
    "O%1-VEj#Nfu1V;)b|Y;?B=6jGTuKl>Z5=o}`k@1%W-K{^HiosErgWDkJvk3hy^>|pC2gCq5Z|ERq+jH}N4`eCMZZM9!+%9zxTNbX"
    "2ik*+2|NRcRU`#G0{CdG@)RCy<?!9rX3EN|Q&}6VPbQ+W733IKWgP&et5wqCg?(?I@+zyJkjBz#tGX>C(DJb-thE-TUG^t)uzU@v"
    "i?fc(LMBAlqdzI0y?{qM`YpPCsODvk9vYeqvpwKb6_3sq2CGt44@Hri)mr67v&sw1g`@>gCGFm(ZQYShdQkXYUs%+eob{j=`Dy}n"
    "39bo%iN2F+5Iw(<7^{oKSXCqz>{H%hN>|wk7jE6#Zkw<B5mnU_T(=|G=9}$d(P!ot=-(2g6NZOEt<7?<Mj1Ua*Hv35nb1JDO&Zrl"
    "2&K~*rZ%eqG|-d3uOK6WR63L54MJ%t$ia0vl1+;R2o!HHcMDKg2C2}q4lp7X%|vc9smluqEW%=t0HAcfNw*1RMVa*ESx6LXhE?SX"
    "G!~*apVxF}3u!={;v`77b>X_l{Rp5fJJ)t@LV)w`Bneh#zc!RBI$MLAmiS24FjS8QLMgbGgw{u74<j@pF_lM1kX?s9mADB@YKl49"
    "+Hvls34}%<^F{(b1(C@dcN~_8vLekwCI!io9=RxYOklI%LY(<&@cjJhl}%Q8z_-Q|dWc^w-k6E@J@ooFK$VQ0MBs=$s|IBv_)`Mg"
    "Z1-IbA$Fd!Orm{YBTbT7eWK4dLp^kMjd`b)?p{g8ZlTecMz&w29>99gH5iUp*#Tm4i15#H@uYObe(LfKfwoO+2YRX5Jsn$ywL}*Z"
    "gk0SmWY8=FufzQ9x`6F4?nQ#tfE_-NA=VWnr5dT7NgIq&11fFhiMD<^7@|J)m2t&KG-L^bs<Nk-RLzUnrXptFbcnHFzF?S~EJs-{"
    "pvV65dD4n5;dqBO<ejDP(e$#*ONUbE8xbjbD0M;)WjC;mn2(8w8>qN(-|9RwnOi4A(MR8wxy^zLh>tCRuLEd<yaVemf1rFH*$_)V"
    "X0nYm!l@YOSP8hsn+4!LVFdhRAr%(eEMKn?Y!ZBp5x&Eq%~z1MvI&++MEM9mEY>CioAvxDNHwE8lXc*nS=SU`?U~NSjDv0Pmv8W^"
    "*hM34O%O&oPPI-JB48SjnuNB<ADsumDN1RiCPT-CbPzsNT(PoHyRU{FTo~-}__GXB2?PY^Gw!+JZy|wYC;^ro?LolhD-9)sLXX=!"
    "vrZn}*a$Yx21cxOeWHM_9%KG$<I2+NQfk-DtJn6)aoKt~2k_YfL<vF@K6g+Oa_XDYbwoKosAFvKyq*T5Y6SwvYV&7l)hu%y4`0Hp"
    "UBbP-oy)=}v35is7MluSAz$Z^u^Awlb921rYtR_ODS+NZj3t9X(MmLAM%T?Cx=0MpF7a>HEy`Ex%07Dp7`?=AtoyAzTUYbc@NG>0"
    "tz5+LEbmSEE7F>TnE2$_l)Cnz^^u=fYx0yeIm)^OJHd+J$N>;Pnl*M|65yGZWV&wam8){B9KslpENxb>_Z41q#S^Fkd)f=Q5`COm"
    "59~SwI-}OuJWHU;1qC7dbbvYzVZGywq@Y`4H#U(n@;NRj_iR+mG@CTz&l+r4Hts8C8ub|)*GKDlGgxH_GxQ16=5)#YH2S$nB6Q%l"
    "o>k6JQK5L7leyKf!PjOXGkTIBv$$6$hP?|?@3)##Lh_;*q&t`99j6mB(fyoqSR)(TZ!x6UAOw7zZqdh`Y_c~+y)v7i{Mw)hnYE9t"
    "GO^hb6(_jOnWfK|u7^hHWYZ4(SqPG-q&FfpZWFF!n;-|1bxm-ab=x+Fkhe`JI0}UkEFTMrA+=Qy{s?xBOR?k$ejE02TbJz68|c+7"
    "-f<*XY|;6tgxpV+6NK&gmW#<&7ZXI1kR@e1tju=bU>(YT#lJOv4bvz!xp0KM#FCPi<kB{8!|)v<tV|L=H8iuxR|cQ&o+(RsNcg{k"
    "!g>^Jz@A3PdeHCIG|^$FmP(;X4nphr!%n$UvSQ(UP7*}qT&ta96Dl^Yk`87JAu@G3qEtxW_ez4-3>OT}BoOd727hB9*{>!2pA6nG"
    "Kzkcju7W=W9c<5%0$Vw%cWs6JO4#;CnK5c6s-MomoIQm<h09+k%LyLggRm|j1aHJIsx7dIu54Y+n;pwKNXjH8SvI2M0ftjBeqbE3"
    "SwhAyE>^jXL|!lkh^a`)`I|gQ0bC1qUgMRIIuAg*p?E}(C%Xi4Hbt!5H$N$!l6@DwNVQ9Ow<f6&z{0@*wAEqI7`lxno7&?+TOi%8"
    "#{&9ive}@XKQXr+6KsjwFy$W$E=cCF1p|BRw>#0r70DhYgx~;jRW8z!KWmDN>yd;=ps3p<>E0giZNQCC&SBCs@Qkd`nTsjcChZ<E"
    "mY@xz4x9#+VQ-CK)ucey@_Y5GhE}3RLrE+o5Kx1zUiVy70b?dhGXo@LRbuye3f)vyaHmE^Lx8DO2r$MdfX^P*%wAp?+PoQSg@{{p"
    "eJO!5T|nJeQ{b@y|9*cBV5o$(mPs{)X<sHS2GC-6@;LI#GU*;Ai;=P-4+p6}B$e@$T%^2?z>8~anFm!Q@d>`iu)88H=>+Po+4Hdx"
    "znF@g37D6V?@I^zD;+i*jA)_=G*G%0YXDbZ<+}o5DvQmsblsL~m!S;Ac`SA1Tw&r(pvT0!z+=?34Lp(e5`NkUhRm>I_2~>dz^y2d"
    "PQ1OX06rG7ojp`Sv!66;_MoD?xIL=-RNU@DcHGx<%-M)(Sq<l?!73>$N?C&~fJPy{ISflDK$au70WA935-W@m!WgKkQl*^0O|kbt"
    "TVuF8Zq>>i{{3_%f8oN=*IcwB&=Qv6msltOkZuUT8~}InK-+@VXrzl`rCa7`oIU1Hr{&RMci@wejN>s8%kmh7Q3E(MewKmci~vy`"
    "7lg_^NvBorxlh)dRv6r>)~#e<?LHQ<El-VBFWOl#99s4^)96(&5zp|dK^0tD8hoNKHC`%#3gk5gNHlDwZZ}_Bge5~D2Q~!5*m8T@"
    "88QqmAWf3DLX=$6C>a2QwHz{z2RgO8YGO9!nlu4{KgrZ@L<MkS_j-)d)iUS<X9c=FY6d?^&G9xj!pw?sFCSv1h9<|q7fG7@IU0UV"
    "4b_;&c8|=(VBPLIOe!DSiW?lx-KH**mf>EBm#d+SI=G){gcl%eX!tmwd91d(9P6NVRZH7GXvDKJ(fJ@)i|#N0Sf>k;^pGVR8ms|f"
    "C_#+h_Fy|A<}vTpf=`rnuj7G6f|S3`RR^TMIjW;!{17Q5C_)Q!qzK{(Yrd)^_*DcxP|{Z+2NVjE(r?#Q1#n7@VNR$nPT_2}uaXjD"
    "Iw=66`8*-H3z?;KX`E29X3mp`MWRLO7`ZrwJd2TJm>l}UYKa#UQowgPCP!AYIk{NA6`*lKfHwv#VUdBQ_}CggAc4+jLL3JlPsmEc"
    "34ymT;!H4V^=p$Ix?jXL?kY)|GY~H${mPdhEEDcJTBGVSL=85Ly8Q&x0m*}gX~$s9p~I#v0y||8#84_xxjH1sGy!u5EgR_8Ve?;k"
    ">TOG}hX~zj=KULb)y%uMttIIH>sN#WJB=Y4aHu&ZLbrac*6u&J`-){uLME^)?9_JK@mo0+l9614c;sW*+6CC}*gEj#bjzg?D}YE~"
    "o!f}nZ!91(l}6e!50AC8b)7VB<_LsTf3$b%W_pp?=BYcaGC4w@EPtZx$#R?1_2w_5PgXN&UXIXl`2&?qcchYuF`l19_!m?)-S_k_"
    "nmKe^JmD8&qGlVr?gbr9cc7zTx@l3WZd4=Q&6GAwMf)_<ZSZ>fd>Cx_N}2$CY>k*;7_d2rXa?oxO>Eo<QV9gy8Z~xz1r<<AZ~}(4"
    "QBx!J`E3mKCSmWR8w`>6bbkBDuDUb=$7vEUF?f*4tv6T!m4k;Fbp#$}PVY;P-j{YUIAvla*-N4VlF)a8fU+YY^XiTep%^=YJVIGS"
    "2Y%i<A4$@=Z!X0C88kzAi13@P&-k+<)5^v<Y}<p8LD<f)!rp<b0m5y!%lI4Rs_rRil4mv&0AxY{`_hUnuuXJ-$Lfx8lr&Utz)V$M"
    "3q&qHWpHhgxYx9dI%ColVs2m=Yex`ZBljf@G95^@H@;W<1nUq35HWVHBEQnhLfk8aeXDbYADtk{$>3;$rlH=uNYDog9nct^LAFcQ"
    "F0y|qRtj$UJ#~>y5Z*z-1bYgv)5ff00QRh*CHZrTv)i4SHf|&2KWVhU5&DJ@JCe=7bwMWv5QPNe))oo+l3Ks}77-G-L4v5%;DX{F"
    "Fea^pXgF9Fgdk^hWke|7C=oUW>?dI#gDC9=)!K<@A>o;Zn)pq^ze%WtUMuQ9jfx%vm<N_kjr5C$Di}Zju`4|`U+-1)FDT_B4Wjpv"
    "(4F{s?uZhZ!;1P6DH%33^ZSGjc$|o5BJh4%jgW6b_p)P=!Mlsjh_1=c-CZJ*%r23i&c7Y$D~$XucTYB%6oCh6UyDbI1QjQuY=uft"
    ">P|mxr&FI!(}p}9Bi9-AY<k*K^Iz0;V^m$%nP)KFy@u92H-iz;Tf$C55%B&)==K-&wtH(nnuk*kZXU4Tac>j1H5>V^A+j?cHpDh|"
    "W@Bt4uQn}y<lL6Ec5-o>d9WQjsZ9=QO#_MM-{YOOu-|i2`zJlnB9F5!xK;n8ui3($aybj?o5=mkk4@w@6(AdXP>p_3$6ij{M10TX"
    "X+qhPZcx-aobrjH@$q~9Q4!A0ou($(o^q3-57eF>G0Bi_K^U=z(@D3c(U(cxm)gJLl=M&e9vwLpac`Z@Jd1wTrN?HV0o(L#<k2JE"
    "Ha7OTQNaGl`{vlI=9EWGaGrU=5rwghJW@KU=GaOzHuZ!9N+mj^@`tV{f7Siu1&0%fQ6Jx!m!Qc^%7`C|c$?VK<wPPob3O4+ChA>6"
    "-;zRIG(|2FZx8zu9v>3f?|6O$2au#YcK@jGJ{svpM}(rV<46BhkA%rTAi(x}&H_=w9=Q&b9Q`Aofs;mhMzyNq?19Zbn7~OTvS;$9"
    "bAs#Y$TEFoqK;CQ#^w!pi8naMR^?Ns;sDuW1F^RUi}_bVd(sMQCu^|A)*FOHt~oUC%946y>D4KGWcAh2{#gsKChSRj@MziXPgr6x"
    "@5Q*OeCZ{lXT))s@(+<Y{EUrrZqw9<3zyJV2<DkfB_Ixs#nd2BBQF#CL1gh%)%o1^+3*VmIXP(^nM9qe8-zd^zQANA)m`fd$zE}^"
    "loEO_q#4iB{1ax;pR|agcqxIj>&X831EZ%6_RUr>!OA(ab&jAN?Vg@i|GI5c^%?&{JEw>mr;MH=L!7XHk|!NnLp^MdO`~&*s5gN!"
    "FEWFcA5HmSAc^Bc5!zE`PMv%&*gU;H@7M<Vee>t@Y0G77g&eJF;xi&<>0`^<kyXup&$LFlIX0>VfHt(!{mboZ6w5kOiBSrH?nBia"
    "W`AH3)0LG*G5)MNWscA&X%i#PWdy{iMZhz6g1RS)Y-$0rKeVZl)FUHWfUGy6sgv8xUZ%#fp(kIi+R4mBpLwxKM;4~YHsm3DU?xI0"
    "j<zD&eZUNa;s3jAHYdz9C+!S%X@AN{0HHJEK=DXf3oh8P*SB^3IHmBxJ-wXOe_7pTLlHVuwW)i_+TbBO86MPqR}By+?GRswymjhi"
    "Gf&yrNWqw*ml`R8tzxoS{KJNfo?15la>Ah{KekBBtqzA~g_HILkuDC64YQ;@uq{mX1ipj%V(uKYTV#>+G;DvUWVS!8V-|hlKdW7q"
    "{euU|g##Q$Zk`m+YB7h;biA=*_oubDvF0{ARMkps>-D;GBidURgn0!mu8mc>3RqR@(iBj8r7IP@u~L_SjnumyutCd84eMXjt_HQL"
    "szF5)%Iz5eFNXo*_fAT9Hcw@x5fUYToQg_`wmwSDN~Tg$RE4T~eNoN&J(X&tH$7CCx^eGvq&<~@b9>Zo&NZ5%%oO(WJuT+HLT?FB"
    "&Zds8da9sQrKIR0b1aEot!Q>Nk9}agyc$t8QK!{|UK?0dZ_T;)6*}K-?$n-rfLR=2&L+%ty;<s9`~%-|O*KKtx=Ef7D)gAe5r!4g"
    "3IEbN)kJNX+AzNR-Nlu>2(iAD=lc{xYyW4A4W1m~MFjKdaAHuehcKw@i@A8XkP0qzfn0j$j*GlaNm+MEh8m;PVwOU!7yf9KFFB<a"
    "vy_%3!{?jzu+@bgwz|;6R*W8^BUZEY;vg;Mc`)iKcs1)+2yQu@mAat*=1LDmY6&84lIHsUGwQrd`h-XJivsI-7y}=p2_9OE5MIkp"
    "8(%s>@36ytujeIZ1Nz?2p!b|V@5$E0*?%I4BOKoGfiL;M-@W`UXtV#23>^<Ke!jkzFZn>nD-NysIPK~M^h=V!PkFZ$NEqEmdV<fp"
    "?BlR<tw5hLYE{r_pS+*5r>8i%m?zQJzh7VGJ9+;4l}2}-f)!W<0A;V24>uCX2VK)oOg`W``L>TKc$Quqq|Y?%X()h;35*KF^mK$<"
    "oWS{K4|?DbwKzuk2d{O8UAyFQfA27Y0U^;5H6EjHy^;Hx^5eZjqrh9WlfZEN$WFY++$@zP+=$WaUOiSlCUBvN*d`JK^rdRXe1#Vg"
    "%rc}Me^EkoeTIT^*TW6>Q`gDL75aXC@rYz24>JzaTbE?#oFd|_5s2HzXwaQ><DK`ky9|zY<3$^XS8jxqwC|2SYk{Xp;>+m2cBk%Y"
    ";f?n<OX=qO&!72|n;;MirTSQL(w;GRjc`rLkyo_{3!J4F2kA4Wu}Gy!{6LIY93t?@lKfx^SzXnhW|=eXiD6mRHP!;1d<Q)qsKm#p"
    "TOi1zjGJQ6BA$5&Nbz;KuhMb8nFn$X2EN$CXf~E<Lx}*x5W$z&^kgSdGUa3ZRdrO<qe4-!2}hqa!*CT0Bq6z9Mv>)<iY#9$f1ra3"
    "Fu(B4a1$YYY4qq$0Laz-l8KI+ke`8Y9an|_gG8ZY=%ES6n+`^*rqgE~T(;KW_uN3xX0_?!17NZdV$-OTL|1p%hpXO$E~kE#YR2|{"
    "#Re~U5UwU~LYJvgca(H~nO^bMybA^+vI+Fut0T<f2y-UaMd>w5dTY@Ar%Ss$zqz}<vY$RbT;1Q@UY|dFy8Uc#ZZEHvv;4dB%gaxn"
    "Klq$*laAq4L*s=iPx-fR;d+z#Z7Kdritk-55_x(b;m%&Vg5(G{_p(1Ku*go~e(=z#x1Sw8G@ZXbys)I}Tq}EbD*Whb9N&2nfA#dS"
    "@kJNkyC32wE{#Bi4jZJ*UraT-2I26sgMa<m`JX%qKl`Tf%m6KI;fjNUgVK0?HVSpwDAe)W<kMa{ApOEQT5_26D8R+kauPcq`V&RY"
    "veVf4gBvdiPM+2qe!zx5H5rY^5a&k_0n#lOATPQqM)ftuGb^wy7YCofE#}6eNvzzCV&yi7l>xAF8u6%_LzEpze5W$7zsnPR<O@d@"
    "DXJ<MpBFqhl;>Ldo%b%Brz&3QBk@Tpif8IBJAu~t3FA+N%!#WIeO~JYGGEQy0uVZ=Xu>4*&|-wnUOHPOXNCTe!#|4`ik!vggN};~"
    "RrIQ%iYgs~^jC6-OS(Ep6Dg}%3Tt*;*XSlEju)C4`)vuPpbYpDnjJUGd+F3kpm9}3Qw>x#JhWlAb&u6BJ9P>}4^({r_`=a?g;B*S"
    "!Rt}mO1<-t=47b-o<^CO-*xO3E&AlldSzIY7_+jvw_0C6^<&74CaA{{iX59qT_aH<_Srz)N8LFo3RU3ig22~J0$&#dKCgW0hDOfl"
    ">Nk$6F<-i0pDjYxNzXy`5<Kn27vqE)!(eHNpkN9jSODy}jE$H|#jnvpY?5;*I=!7_6<!(0L(wAP$;Fi6;xz~wztiC*DN?U-Pw2(r"
    "wH4ECF(%7t%9qf}g%kK$9@~^-+upNzo}9A1w(Kx%b-It|lk_1ug=EnA+gg1%CeR-E504#9#a(zlyli~Q=s)+I>~hceQ0**bLoz%)"
    "PkLXvNoV$p2$pZveMgp>5%Sl>%#t=rivlk~_&c$Dv6_1C-l_x<?#P%QV2sP0{h-V!BkNTP@{C<o*6rk)g$NT){0TA~2aF3&xTt8j"
    "VxX^kG1JPzllKQlE~i#dfxUAS`vbD|#}m2;K`RR_n&WYP&tVklKR6urFx?}1Qr<c*E?)6s2G=)QQCE-s5mn=dRZsrDr7q&U*yxp("
    "$F5*{I}>*?$^rD^CGn0DPo>~`q?gTXwhYjTU5Fth)aXxg3R=9B1=8h$Kh|Dkh1IQ51cnTMSXa&0Vz&-Ohq&Zu&VI@6tjAbiK7uPS"
    "jUHRSrcu`{57A`l543%aEHd5-L-UsNMj1Ql<%37Mbc7lUSdG8HOr8ziwk}l{Tltn~bmTnZTXVkra7o>9=88Tc;J^P|PP>U(xs>1!"
    "3BmWT-@X5^G&cj4Dw2Ea?+$Cty`=ANmc07Q+)K#%m%?8pGuo9FtsG<IHngRM#j49NZ7ra`@k+AR`a8;KS`s3Rzu=d+mbbh$nHp!z"
    "t!z2g9kj*Q_g;^C4naV6iN}~flD53ZDv-22wY~$zK69}Ldr49F>hAX9BQL|ezq-(U=^y9!pShvDnw-Z_?)rXu`*l*TvV=&P@dD`j"
    "A!@2+?;7B4)PX>>Gdl;wZRPk{0mlx$tBbw59sqqWcE;=bTVCbcyJRp+SF9s-4$Ao2m%9FTdX?zOt+3quDVi>bNp<g;$O_^QBnojJ"
    "HFD=2oor;C38z-cXheC`y0v$apIoflqzUUNNB*tRgFZtg=LjZZuxU~hQJPF^@>1i-tJluf$p*#znWXEdj8W@$=FeT@g==MYyk}C*"
    "+PS7kQf{t_=-8saCWOX3dWDBuL-f?o?$1U%$9<#2t&ng1P0zE-kIhZe$XS5T;wSa#cFef*XGhO@5fe9*0pV}q4oSVLIi&PP)@8DD"
    "S-4kL#xmvoshImK@zB;2XX3juIw;G?&=o%&&!o+-%2H#$u9)ii1U3a~+Z!)xL!2DD|44NtkLf)+faDetfo7>@`{H)*XzO-(S4yYn"
    "bjK4U@$DPldMZaM=_E$moDA%A><$|qht+7hVk4aECXI?`&+(~Vz0_h#llhDX)1q!XdA#g})~fup3uAR4ND6!Vg*t?{YCc=~+kS*$"
    "(PBhX_Jv$R7*dz-dDpR6lXBiG4&Xv8poFe#x$Su@JGlminr9Eot;uLtC=co#^X|p*Bs@08BP$s(oH3z-<*=Hfc@0Xxq2M1P8@Oy<"
    "Ch=Fhb86?A9;#&T6#7{No1E+<^VNi-glS#KK72}xbT+%|E@CaAB9W|~>h{s`%CvRuiB=DFqyAo4)@I=KyuIU|DzqRv<wD=3YJTb^"
    "c<rc-7{W8SwTnOM7{yJBrzY);{|Ea6(_R"
)
